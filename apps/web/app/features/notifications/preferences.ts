import { changeNotificationPreferences, getNotificationPreferences, type PreferencesChange } from "@synergy/client";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Preferences } from "~/lib/types";

export const preferencesQuery = queryOptions({
  queryKey: ["me", "notification-preferences"],
  queryFn: ({ client, signal }) => answer(getNotificationPreferences({ client: apiOf(client), signal })),
});

/** The preferences as they are after a change. */
export function changed(preferences: Preferences, { types = {}, ...plain }: PreferencesChange): Preferences {
  const next = { ...preferences.types };
  for (const [type, channels] of Object.entries(types)) {
    const known = next[type];
    if (known) next[type] = { ...known, ...channels };
  }
  return { ...preferences, ...plain, types: next };
}

/** The change that takes another back, and leaves alone what was changed beside it. */
export function undoOf(preferences: Preferences, { types = {}, ...plain }: PreferencesChange): PreferencesChange {
  const before: Record<string, { in_app?: boolean; email?: boolean }> = {};
  for (const [type, channels] of Object.entries(types)) {
    const known = preferences.types[type];
    if (!known) continue;
    before[type] = {
      ...("in_app" in channels && { in_app: known.in_app }),
      ...("email" in channels && { email: known.email }),
    };
  }
  return {
    ...("digest" in plain && { digest: preferences.digest }),
    ...("digest_time" in plain && { digest_time: preferences.digest_time }),
    ...("digest_weekday" in plain && { digest_weekday: preferences.digest_weekday }),
    types: before,
  };
}

/** Change settings at once, one after the other; back with a message when the server refuses. */
export function useChangePreferences() {
  const client = useQueryClient();
  const { queryKey } = preferencesQuery;
  const mutationKey = ["change-notification-preferences"];
  const mutation = useMutation({
    mutationKey,
    scope: { id: "notification-preferences" },
    mutationFn: (change: PreferencesChange) =>
      answer(changeNotificationPreferences({ client: apiOf(client), body: change })),
    onMutate: async (change) => {
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      if (before) client.setQueryData(queryKey, changed(before, change));
      return { undo: before && undoOf(before, change) };
    },
    onSuccess: (saved) => {
      // What waits behind this one is shown already, and not in its answer.
      if (client.isMutating({ mutationKey }) === 1) client.setQueryData(queryKey, saved);
    },
    onError: (error, change, context) => {
      const undo = context?.undo;
      if (undo) client.setQueryData(queryKey, (now) => now && changed(now, undo));
      toastError("The setting was not saved.", error, () => mutation.mutate(change));
    },
  });
  return mutation;
}
