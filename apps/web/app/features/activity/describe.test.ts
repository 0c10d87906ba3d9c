import { expect, test } from "vitest";
import { describe as sentence } from "~/features/activity/describe";

const task = { key: "WEB-1", title: "Write" };

test.each([
  ["member.added", { username: "ada", role: "viewer" }, { verb: "added a member", title: "ada", detail: "viewer" }],
  [
    "member.invited",
    { email: "a…@example.org", role: "member" },
    { verb: "invited", title: "a…@example.org", detail: "member" },
  ],
  ["member.joined", { username: "ada", role: "member" }, { verb: "joined by invitation", detail: "member" }],
  [
    "invitation.revoked",
    { email: "a…@example.org", role: "member" },
    { verb: "revoked the invitation of", title: "a…@example.org", detail: "member" },
  ],
  ["task.created", task, { verb: "created", taskKey: "WEB-1", title: "Write" }],
  [
    "task.moved",
    { ...task, from_status: "todo", to_status: "in_progress" },
    { verb: "moved", taskKey: "WEB-1", title: "Write", detail: "To do → In progress" },
  ],
  [
    "task.updated",
    { ...task, changes: { priority: ["low", "urgent"] } },
    { verb: "changed the priority of", taskKey: "WEB-1", title: "Write", detail: "Low → Urgent" },
  ],
  [
    "task.updated",
    { ...task, changes: { due_date: [null, "2026-12-01"] } },
    { verb: "changed the due date of", taskKey: "WEB-1", title: "Write", detail: "none → 2026-12-01" },
  ],
  [
    "task.updated",
    { ...task, changes: { title: ["a", "b"], description: ["c", "d"] } },
    { verb: "changed the title, the description of", taskKey: "WEB-1", title: "Write" },
  ],
  [
    "comment.created",
    { task_key: "WEB-1", task_title: "Write", excerpt: "Nice" },
    { verb: "commented on", taskKey: "WEB-1", title: "Write", detail: "Nice" },
  ],
  [
    "subtask.updated",
    { task_key: "WEB-1", title: "Draft", changes: { is_completed: [false, true] } },
    { verb: "completed a subtask of", taskKey: "WEB-1", detail: "Draft" },
  ],
  [
    "attachment.created",
    { task_key: "WEB-1", name: "plan.pdf", size: 3 },
    { verb: "attached a file to", taskKey: "WEB-1", detail: "plan.pdf" },
  ],
  [
    "webhook.disabled",
    { name: "Our chat", host: "example.org", reason: "It failed for three days." },
    { verb: "disabled the webhook", title: "Our chat", detail: "It failed for three days." },
  ],
  ["future.happened", {}, { verb: "future happened" }],
])("describes %s", (type, data, expected) => {
  expect(JSON.parse(JSON.stringify(sentence({ type, data })))).toEqual(expected);
});
