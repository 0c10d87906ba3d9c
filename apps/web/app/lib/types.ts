/** Shapes of the API under the names that the pages use. */
import type {
  ActivityView,
  AttachmentView,
  BoardColumn,
  BoardView,
  CommentView,
  DeliverySummary,
  DeliveryView,
  EventView,
  LabelView,
  MemberView,
  NotificationView,
  PersonView,
  PreferencesView,
  ProjectView,
  SubtaskView,
  TaskReference,
  TaskView,
  UserView,
  WebhookEventView,
  WebhookView,
} from "@synergy/client";

export type { TaskSummary } from "@synergy/client";
export type Activity = ActivityView;
export type Attachment = AttachmentView;
export type Board = BoardView;
export type Column = BoardColumn;
export type Comment = CommentView;
export type Delivery = DeliveryView;
export type DeliveryRow = DeliverySummary;
export type DeliveryState = DeliverySummary["state"];
export type Label = LabelView;
/** One fact of the ledger, as the stream tells it. */
export type LiveEvent = Omit<EventView, "number">;
export type Me = UserView;
export type Member = MemberView;
export type Notification = NotificationView;
export type NotificationType = NotificationView["type"];
export type Person = PersonView;
export type Preferences = PreferencesView;
export type Project = ProjectView;
export type Subtask = SubtaskView;
export type Task = TaskView;
export type TaskLink = TaskReference;
export type Webhook = WebhookView;
export type WebhookEvent = WebhookEventView;
export type WebhookEventType = WebhookEventView["type"];
export type Status = TaskView["status"];
export type Priority = TaskView["priority"];
export type Role = MemberView["role"];
export type GrantableRole = Exclude<Role, "owner">;
