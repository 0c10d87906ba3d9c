import { expect, test } from "vitest";
import { filterOf, paramsOf } from "~/features/notifications/filter";

test.each([
  ["", { unread: false, types: [] }],
  ["unread=1", { unread: true, types: [] }],
  ["type=mention,comment_added,,mention", { unread: false, types: ["comment_added", "mention"] }],
])("reads %j", (search, expected) => {
  expect(filterOf(new URLSearchParams(search))).toEqual(expected);
});

test("an address gives the filter back that it was made of", () => {
  const filter = { unread: true, types: ["comment_added", "mention"] };
  expect(filterOf(new URLSearchParams(paramsOf(filter)))).toEqual(filter);
  expect(paramsOf({ unread: false, types: [] })).toEqual({});
});
