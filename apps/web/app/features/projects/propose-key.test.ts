import { expect, test } from "vitest";
import { proposeKey } from "~/features/projects/propose-key";

test.each([
  ["Website relaunch", "WR"],
  ["Marketing", "MARK"],
  ["Büro Umzug 2027", "BU"],
  ["The very long name of it", "TVLN"],
  ["Q3", "Q3"],
  ["A", ""],
  ["日本", ""],
])("proposes for %s the key %s", (name, key) => {
  expect(proposeKey(name)).toBe(key);
});
