import { expect, test } from "vitest";
import { safeNext } from "~/lib/next";

test.each([
  ["/projects/1?task=WEB-1", "/projects/1?task=WEB-1"],
  [null, "/projects"],
  ["https://elsewhere.example", "/projects"],
  ["//elsewhere.example", "/projects"],
  ["/\\elsewhere.example", "/projects"],
  ["/\t/elsewhere.example", "/projects"],
  ["/\n/elsewhere.example", "/projects"],
  ["\t//elsewhere.example", "/projects"],
  ["javascript:alert(1)", "/projects"],
])("goes from %s to %s", (value, expected) => {
  expect(safeNext(value)).toBe(expected);
});
