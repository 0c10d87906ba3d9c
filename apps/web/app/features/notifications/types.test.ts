import { expect, test } from "vitest";
import { groupTypes } from "~/features/notifications/types";

test("every type is in one group, and an unknown one in the last", () => {
  const groups = groupTypes({ system: 1, mention: 2, from_the_future: 3, invitation: 4 });
  expect(groups).toEqual([
    { title: "Tasks", types: [["mention", 2]] },
    { title: "Projects", types: [["invitation", 4]] },
    {
      title: "This installation",
      types: [
        ["system", 1],
        ["from_the_future", 3],
      ],
    },
  ]);
});
