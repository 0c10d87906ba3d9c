import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test } from "vitest";
import { changed, preferencesQuery, undoOf, useChangePreferences } from "~/features/notifications/preferences";
import { makeApi } from "~/lib/api";
import { makeQueryClient } from "~/lib/query";
import type { Preferences } from "~/lib/types";

const preferences: Preferences = {
  types: {
    mention: { label: "Mentions of you", in_app: true, email: true },
    task_assigned: { label: "Tasks assigned to you", in_app: true, email: false },
  },
  digest: "never",
  digest_time: "09:00",
  digest_weekday: "monday",
  timezone: "UTC",
  email_verified: true,
  version: 0,
};

test("a change touches what it names, and nothing else", () => {
  const after = changed(preferences, {
    types: { mention: { email: false }, unknown: { email: true } },
    digest: "daily",
  });
  expect(after).toEqual({
    ...preferences,
    digest: "daily",
    types: { ...preferences.types, mention: { label: "Mentions of you", in_app: true, email: false } },
  });
});

test("the undo of a change leaves later changes alone", () => {
  const first = { types: { mention: { email: false } }, digest: "weekly" as const };
  const later = { types: { mention: { in_app: false } }, digest_time: "07:30" };
  const both = changed(changed(preferences, first), later);
  expect(changed(both, undoOf(preferences, first))).toEqual(changed(preferences, later));
});

test("a refused change goes back while the one after it stays", async () => {
  const asked: unknown[] = [];
  const api = makeApi(async (request) => {
    const body = await request.json();
    asked.push(body);
    if (asked.length === 1) return Response.json({ title: "No", status: 422 }, { status: 422 });
    return Response.json(changed(preferences, body));
  }, "http://localhost");
  const client = makeQueryClient(api);
  const { queryKey } = preferencesQuery;
  client.setQueryData(queryKey, preferences);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => useChangePreferences(), { wrapper });
  const [first, second] = [{ types: { mention: { email: false } } }, { digest: "daily" as const }];
  act(() => {
    result.current.mutate(first);
    result.current.mutate(second);
  });
  await waitFor(() => expect(asked).toEqual([first, second]));
  await waitFor(() => expect(client.isMutating()).toBe(0));
  expect(client.getQueryData(queryKey)).toEqual(changed(preferences, second));
});
