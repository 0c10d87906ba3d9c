import type { HealthCheck, MaintenanceTaskView, ShownSetting } from "@synergy/client";
import { expect, test } from "vitest";
import { healthSentence } from "~/features/instance/health";
import { listsOf, maintenanceSentence } from "~/features/instance/maintenance";
import { chosenSettings, groupsOf } from "~/features/instance/settings";

const check = (state: HealthCheck["state"]): HealthCheck => ({ name: "database", state, value: "", advice: null });

test("health in one line", () => {
  expect(healthSentence({ checks: [check("ok")] })).toBe("All is well");
  expect(healthSentence({ checks: [check("warning"), check("fault"), check("fault"), check("ok")] })).toBe(
    "2 faults, 1 warning",
  );
});

const task = (name: string, period: MaintenanceTaskView["period"], state: MaintenanceTaskView["state"]) =>
  ({ task: name, title: name, period, state }) as MaintenanceTaskView;

test("lists of maintenance have what is overdue first, and keep their order otherwise", () => {
  const lists = listsOf([
    task("a", "monthly", "ok"),
    task("b", "weekly", "ok"),
    task("c", "weekly", "not_applicable"),
    task("d", "weekly", "attention"),
    task("e", "weekly", "ok"),
    task("f", "weekly", "overdue"),
    task("g", "weekly", "never"),
  ]);
  expect(lists.map((list) => [list.title, list.tasks.map((each) => each.task).join("")])).toEqual([
    ["Weekly", "fdgbec"],
    ["Monthly", "a"],
  ]);
});

test("maintenance in one line", () => {
  expect(maintenanceSentence([task("a", "weekly", "ok"), task("b", "weekly", "never")])).toBe("Nothing is overdue");
  expect(
    maintenanceSentence([
      task("a", "weekly", "overdue"),
      task("b", "daily", "overdue"),
      task("c", "weekly", "attention"),
    ]),
  ).toBe("2 tasks overdue, 1 task to look at");
});

const setting = (name: string, fields: Partial<ShownSetting> = {}): ShownSetting => ({
  name,
  group: "The instance",
  description: "",
  is_secret: false,
  source: "default",
  value: "",
  default: "",
  unused: null,
  ...fields,
});
const settings = [
  setting("DEBUG", { value: "false", description: "More detail in logs." }),
  setting("REDIS_URL", { group: "Redis", is_secret: true, source: "set", value: null }),
  setting("DB_PORT", { group: "PostgreSQL", source: "set", value: "5432" }),
];
const found = (text: string, only = "") => chosenSettings(settings, { text, only }).map((each) => each.name);

test("settings are found by name, value and meaning", () => {
  expect(found("")).toEqual(["DEBUG", "REDIS_URL", "DB_PORT"]);
  expect(found("  db ")).toEqual(["DB_PORT"]);
  expect(found("5432")).toEqual(["DB_PORT"]);
  expect(found("logs detail")).toEqual(["DEBUG"]);
  expect(found("nothing like it")).toEqual([]);
});

test("settings are narrowed to what is set, default or secret", () => {
  expect(found("", "set")).toEqual(["REDIS_URL", "DB_PORT"]);
  expect(found("", "default")).toEqual(["DEBUG"]);
  expect(found("", "secret")).toEqual(["REDIS_URL"]);
  expect(found("db", "secret")).toEqual([]);
});

test("settings stand in their groups", () => {
  const groups = groupsOf([...settings, setting("ALLOWED_HOSTS")]);
  expect([...groups].map(([group, members]) => [group, members.length])).toEqual([
    ["The instance", 2],
    ["Redis", 1],
    ["PostgreSQL", 1],
  ]);
});
