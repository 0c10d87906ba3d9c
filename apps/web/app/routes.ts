import { index, layout, type RouteConfig, route } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  layout("routes/auth/layout.tsx", [
    route("login", "routes/auth/login.tsx"),
    route("register", "routes/auth/register.tsx"),
    route("forgot-password", "routes/auth/forgot-password.tsx"),
    route("reset-password", "routes/auth/reset-password.tsx"),
    route("invitations", "routes/auth/invitation.tsx"),
    route("unsubscribe/:token", "routes/auth/unsubscribe.tsx"),
    route("verify-email", "routes/auth/verify-email.tsx"),
  ]),
  route("logout", "routes/auth/logout.tsx"),
  layout("routes/shell/layout.tsx", [
    route("projects", "routes/projects/list.tsx"),
    route("projects/:projectId", "routes/projects/layout.tsx", [
      index("routes/projects/overview.tsx"),
      route("board", "routes/projects/board.tsx"),
      route("activity", "routes/projects/activity.tsx"),
      route("members", "routes/projects/members.tsx"),
      route("webhooks", "routes/projects/webhooks.tsx"),
      route("webhooks/:webhookId", "routes/projects/webhook.tsx"),
    ]),
    route("tasks/:taskId", "routes/tasks/detail.tsx"),
    route("my-work", "routes/my-work/list.tsx"),
    route("notifications", "routes/notifications/list.tsx"),
    route("admin", "routes/admin/layout.tsx", [
      index("routes/admin/index.tsx"),
      route("users", "routes/admin/users.tsx"),
      route("security-events", "routes/admin/security-events.tsx"),
      route("health", "routes/admin/health.tsx"),
      route("queues", "routes/admin/queues.tsx"),
      route("dead-letters", "routes/admin/dead-letters.tsx"),
      route("schedules", "routes/admin/schedules.tsx"),
      route("backups", "routes/admin/backups.tsx"),
      route("maintenance", "routes/admin/maintenance.tsx"),
      route("settings", "routes/admin/settings.tsx"),
    ]),
    route("settings", "routes/settings/layout.tsx", [
      index("routes/settings/index.tsx"),
      route("profile", "routes/settings/profile.tsx"),
      route("security", "routes/settings/security.tsx"),
      route("notifications", "routes/settings/notifications.tsx"),
      route("tokens", "routes/settings/tokens.tsx"),
    ]),
  ]),
  route("*", "routes/not-found.tsx"),
] satisfies RouteConfig;
