import { expect, test } from "vitest";
import { addressMatcher } from "./addresses.mjs";

const matches = addressMatcher("10.0.0.0/8, 192.0.2.7,fd00::/8");

test.each([
  ["10.20.30.40", true],
  ["192.0.2.7", true],
  ["192.0.2.8", false],
  ["fd12::1", true],
  ["::1", false],
  ["", false],
])("%s: %s", (address, expected) => {
  expect(matches(address)).toBe(expected);
});

test("nobody is trusted without a list", () => {
  expect(addressMatcher("")("127.0.0.1")).toBe(false);
});
