/** The shapes that the API answers, as the pages use them. */
export type Status = "todo" | "in_progress" | "review" | "done";
export type Priority = "low" | "medium" | "high" | "urgent";
export type Role = "viewer" | "member" | "manager" | "owner";

export interface Person {
  id: string;
  username: string;
  name: string;
}
export interface Label {
  id: string;
  name: string;
  color: string;
}
export interface Me {
  id: string;
  username: string;
  email: string | null;
  first_name: string;
  last_name: string;
  role: "member" | "manager" | "admin";
  timezone: string;
  theme: "system" | "light" | "dark";
}
export interface Project {
  id: string;
  key: string;
  name: string;
  description: string;
  description_html: string;
  status: "planning" | "active" | "on_hold" | "completed" | "cancelled";
  priority: Priority;
  owner: Person;
  start_date: string | null;
  end_date: string | null;
  color: string | null;
  progress: number;
  tasks_total: number;
  tasks_done: number;
  my_role: Role | null;
  archived_at: string | null;
  created_at: string;
  updated_at: string;
  version: number;
}
export interface TaskLink {
  id: string;
  key: string;
  title: string;
  status: Status;
}
export interface TaskSummary {
  id: string;
  key: string;
  number: number;
  project_id: string;
  title: string;
  status: Status;
  priority: Priority;
  assignees: Person[];
  labels: Label[];
  due_date: string | null;
  subtasks: { total: number; completed: number };
  comment_count: number;
  can_start: boolean;
  updated_at: string;
  version: number;
}
export interface Task extends TaskSummary {
  description: string;
  description_html: string;
  reporter: Person | null;
  start_date: string | null;
  estimate_minutes: number | null;
  story_points: number | null;
  blocked_by: TaskLink[];
  blocks: TaskLink[];
  completed_at: string | null;
  created_at: string;
  warnings: string[];
}
export interface Subtask {
  id: string;
  task_id: string;
  title: string;
  group: string | null;
  is_completed: boolean;
  assignee: Person | null;
  completed_at: string | null;
}
export interface Comment {
  id: string;
  task_id: string;
  author: Person;
  body: string;
  body_html: string;
  edited_at: string | null;
  created_at: string;
}
export interface Column {
  status: Status;
  total: number;
  tasks: TaskSummary[];
  next_cursor: string | null;
}
export interface Board {
  columns: Column[];
}
export interface Member {
  user: Person;
  role: Role;
  is_active: boolean;
  joined_at: string;
}
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
export interface Activity {
  id: string;
  number: number;
  type: string;
  actor: Person | null;
  object: { type: string; id: string };
  data: Record<string, unknown>;
  occurred_at: string;
}
export interface Notification {
  id: string;
  type: string;
  title: string;
  message: string;
  action_url: string | null;
  read_at: string | null;
  created_at: string;
}
