import { changeMe } from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { meQuery } from "~/features/identity/queries";
import { answer } from "~/lib/api";
import type { Theme } from "~/lib/page-info";
import { apiOf } from "~/lib/query";
import { applyTheme } from "~/lib/theme";

/** Show a theme at once and keep it; other devices take it over when they sign in. */
export function useSaveTheme(): (theme: Theme) => void {
  const client = useQueryClient();
  return (theme) => {
    applyTheme(theme);
    answer(changeMe({ client: apiOf(client), body: { theme } })).then(
      (me) => client.setQueryData(meQuery.queryKey, me),
      // The cookie holds the choice on this device; nothing is lost for the person who made it.
      () => undefined,
    );
  };
}

/** Days and times are meant in this timezone from then on. */
export function useSaveTimezone() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (timezone: string) => answer(changeMe({ client: apiOf(client), body: { timezone } })),
    onSuccess: () => client.invalidateQueries({ queryKey: meQuery.queryKey }),
    onError: (error) => toastError("The timezone was not saved.", error),
  });
}
