import { expect, test } from "vitest";
import { linkNotice } from "~/features/account/link-notice";

const providers = [{ id: "corp", name: "Corp" }];
const notice = (search: string) => linkNotice(new URLSearchParams(search), providers);

test("a link that was made is told with the provider's name", () => {
  expect(notice("linked=corp")).toEqual({ isDone: true, text: "Corp is linked: you can sign in with it." });
  expect(notice("linked=<b>")?.text).toBe("The account is linked: you can sign in with it.");
});

test.each([
  ["identity_taken", /somebody else/],
  ["sign_in_again", /Link it again/],
  ["cancelled", /Linking was cancelled/],
  ["provider_unavailable", /does not answer/],
  ["something_new", /was not linked/],
])("the refusal %s is told", (code, text) => {
  expect(notice(`link_error=${code}`)).toEqual({ isDone: false, text: expect.stringMatching(text) });
});

test("other addresses say nothing", () => {
  expect(notice("")).toBeUndefined();
});
