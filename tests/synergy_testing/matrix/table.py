"""The table: every route with its rule and a good request.

A path parameter is the method of the world with its name, unless `ids` says another one.
"""

from __future__ import annotations

from synergy_testing.factories import PASSWORD
from synergy_testing.matrix.rules import CALLERS, Entry

_AS_JSON = {"Accept": "application/json"}
# where nobody need be signed in, whoever shows a token must show a good one
_BAD_BEARER = {"revoked": 401, "deactivated": 401}
_ATTACHMENT_OF_MEMBER = {"attachment_id": "@attachment_of_member"}
_INVITED = {"token": "@invitation_token"}
_COMMENT_OF_MEMBER = {"comment_id": "@comment_of_member"}
_OWN = {"password": PASSWORD}
NEW_PASSWORD = "another horse 8 stable"
_WEBHOOK = {"name": "Chat", "url": "https://hooks.example.org/"}


def public(**fields: object) -> Entry:
    """Everybody, with or without a good token."""
    return Entry(rule="public", **fields)


def signed_in(**fields: object) -> Entry:
    """Whoever is signed in; what it reads or writes is their own."""
    return Entry(rule="signed-in", **fields)


def admin(**fields: object) -> Entry:
    """Administrators."""
    return Entry(rule="admin", **fields)


def project(least: str, **fields: object) -> Entry:
    """Members of the project from the role `least`, and administrators."""
    return Entry(rule=f"project:{least}", **fields)


_HEALTH: dict[str, Entry] = {
    "GET /api/health/live": public(),
    "GET /api/health/ready": public(),
    "GET /api/auth/health": public(),
    "GET /api/docs": public(),
    "GET /api/docs/{name}": public(ids={"name": "start.js"}),
    "GET /api/openapi.json": public(),
    # Litestar adds these two, and nothing is there
    "GET /api/openapi.json/openapi.json": public(ok=404),
    "GET /api/openapi.json/{path}": public(ids={"path": "elsewhere"}, ok=404),
}

_ACCOUNTS: dict[str, Entry | tuple[Entry, ...]] = {
    "POST /api/v1/auth/register": public(json="@registration"),
    "POST /api/v1/auth/login": public(json="@credentials", ok=200),
    "POST /api/v1/auth/refresh": public(json={"refresh_token": "@refresh_token"}, ok=200),
    "POST /api/v1/auth/logout": signed_in(ok=204, session=True, fresh=True),
    "POST /api/v1/auth/logout-all": signed_in(ok=204, session=True, fresh=True),
    "POST /api/v1/auth/email/verify": public(json={"token": "@verification"}, ok=204),
    "GET /api/v1/auth/options": public(),
    "GET /api/v1/invitations/{token}": public(ids=_INVITED, differs=_BAD_BEARER),
    "POST /api/v1/invitations/{token}/accept": (
        signed_in(ids=_INVITED, json={}, ok=200),
        # a new account, for whoever is not signed in
        public(
            ids=_INVITED,
            json="@invited_registration",
            ok=200,
            differs={kind.name: 422 for kind in CALLERS if kind.is_signed_in} | {"read_token": 403} | _BAD_BEARER,
        ),
    ),
    "POST /api/v1/auth/email/resend": signed_in(ok=202, session=True),
    "POST /api/v1/auth/password/forgot": public(json={"email": "somebody@example.org"}, ok=202),
    "POST /api/v1/auth/password/reset": public(json={"token": "@reset_link", "password": NEW_PASSWORD}, ok=204),
    "POST /api/v1/auth/password/change": signed_in(
        json={"current_password": PASSWORD, "new_password": NEW_PASSWORD}, ok=204, session=True, fresh=True
    ),
    "GET /api/v1/auth/oidc/providers": public(),
    # whoever may go there finds that there is no such provider
    "GET /api/v1/auth/oidc/{provider}/start": public(ids={"provider": "nowhere"}, ok=404),
    "POST /api/v1/auth/oidc/{provider}/link": signed_in(
        ids={"provider": "nowhere"}, json={"password": None}, ok=404, session=True
    ),
    # a page of ours tells what is wrong
    "GET /api/v1/auth/oidc/{provider}/callback": public(ids={"provider": "nowhere"}, ok=303),
    "GET /api/v1/me/identities": signed_in(session=True),
    "DELETE /api/v1/me/identities/{identity_id}": Entry(rule="mine", json=_OWN, session=True),
    "POST /api/v1/auth/mfa/email": public(json={"mfa_token": "@mfa_token"}, ok=204),
    "POST /api/v1/auth/mfa/verify": public(json="@second_factor", ok=200),
    "GET /api/v1/me/mfa": signed_in(session=True),
    "POST /api/v1/me/mfa/totp": signed_in(json=_OWN, ok=200, session=True),
    "POST /api/v1/me/mfa/totp/confirm": signed_in(json={"code": "@totp_code"}, ok=200, session=True, fresh=True),
    "DELETE /api/v1/me/mfa/totp": signed_in(json=_OWN, session=True),
    "POST /api/v1/me/mfa/email": signed_in(json=_OWN, ok=202, session=True, fresh=True),
    "POST /api/v1/me/mfa/email/confirm": signed_in(json={"code": "@email_code"}, ok=200, session=True, fresh=True),
    "DELETE /api/v1/me/mfa/email": signed_in(json=_OWN, session=True),
    "POST /api/v1/me/mfa/recovery-codes": signed_in(json="@own_password_with_factor", ok=200, session=True, fresh=True),
    "GET /api/v1/admin/mfa-roles": admin(session=True),
    "PUT /api/v1/admin/mfa-roles": admin(json={"roles": []}, session=True),
    "GET /api/v1/me": signed_in(),
    "DELETE /api/v1/me": signed_in(json={"password": PASSWORD}, session=True, fresh=True, differs={"owner": 409}),
    "PATCH /api/v1/me": signed_in(json={"bio": "Likes trees."}),
    "POST /api/v1/me/email": signed_in(json={"email": "@new_address", "password": PASSWORD}, ok=202, session=True),
    "PUT /api/v1/me/avatar": signed_in(files="@picture", ok=200),
    "DELETE /api/v1/me/avatar": signed_in(),
    "GET /api/v1/me/sessions": signed_in(session=True),
    "DELETE /api/v1/me/sessions/{session_id}": Entry(rule="mine", session=True),
    "POST /api/v1/me/sessions/revoke-others": signed_in(ok=204, session=True),
    "GET /api/v1/me/tokens": signed_in(session=True),
    "POST /api/v1/me/tokens": signed_in(
        json={"name": "Script", "scopes": ["read"]}, session=True, differs={"unverified": 403}
    ),
    "DELETE /api/v1/me/tokens/{token_id}": Entry(rule="mine", session=True),
    "GET /api/v1/me/security-events": signed_in(session=True),
    "GET /api/v1/me/tasks": signed_in(),
    "GET /api/v1/me/notification-preferences": signed_in(),
    "PATCH /api/v1/me/notification-preferences": signed_in(json={"digest": "daily"}),
    "GET /api/v1/notifications": signed_in(),
    "GET /api/v1/notifications/unread-count": signed_in(),
    "POST /api/v1/notifications/{notification_id}/read": (
        signed_in(ok=200),
        Entry(rule="mine", ids={"notification_id": "@notification_of_member"}, ok=200),
    ),
    "POST /api/v1/notifications/read-all": signed_in(ok=200),
    "DELETE /api/v1/notifications/read": signed_in(),
    "GET /api/v1/unsubscribe/{token}": public(),
    "POST /api/v1/unsubscribe/{token}": public(ok=200),
    "GET /api/v1/events": signed_in(headers=_AS_JSON),
    "GET /api/v1/users": signed_in(),
    "GET /api/v1/users/{user_id}/avatar": Entry(rule="person", ids={"user_id": "@member_with_picture"}),
    "GET /api/v1/users/{user_id}": Entry(rule="person"),
}

_PROJECTS: dict[str, Entry | tuple[Entry, ...]] = {
    "GET /api/v1/projects": signed_in(),
    "POST /api/v1/projects": signed_in(json={"name": "Garden"}),
    "GET /api/v1/projects/{project_id}": project("viewer"),
    "PATCH /api/v1/projects/{project_id}": project("manager", json={"name": "Orchard"}),
    "DELETE /api/v1/projects/{project_id}": project("owner"),
    "POST /api/v1/projects/{project_id}/archive": project("manager", ok=200),
    "POST /api/v1/projects/{project_id}/unarchive": project("manager", ok=200, ids={"project_id": "@archived_project"}),
    "POST /api/v1/projects/{project_id}/transfer": project("owner", json={"user_id": "@user_id"}, ok=200),
    "GET /api/v1/projects/{project_id}/members": project("viewer"),
    "POST /api/v1/projects/{project_id}/members": project("manager", json={"user_id": "@outsider"}),
    "PATCH /api/v1/projects/{project_id}/members/{user_id}": project("manager", json={"role": "viewer"}),
    "DELETE /api/v1/projects/{project_id}/members/{user_id}": (
        project("manager"),
        # everybody may leave but the owner, and who is no member cannot
        project("viewer", ids={"user_id": "@myself"}, fresh=True, differs={"owner": 409, "admin": 404}),
    ),
    "GET /api/v1/projects/{project_id}/invitations": project("manager"),
    "POST /api/v1/projects/{project_id}/invitations": project(
        "manager", json={"email": "@address"}, differs={"unverified": 403}
    ),
    "POST /api/v1/projects/{project_id}/invitations/{invitation_id}/resend": project(
        "manager", ok=200, differs={"unverified": 403}
    ),
    "DELETE /api/v1/projects/{project_id}/invitations/{invitation_id}": project("manager"),
    "GET /api/v1/projects/{project_id}/board": project("viewer"),
    "GET /api/v1/projects/{project_id}/progress": project("viewer"),
    "GET /api/v1/projects/{project_id}/activity": project("viewer"),
    "GET /api/v1/imports": signed_in(),
    "POST /api/v1/imports": (
        signed_in(files="@board_file", ok=202),
        project("manager", files="@board_for_project", ok=202, differs={"stranger": 422, "global_manager": 422}),
    ),
    "GET /api/v1/imports/{import_id}": Entry(rule="mine"),
}

_TASKS: dict[str, Entry | tuple[Entry, ...]] = {
    "GET /api/v1/tasks": signed_in(),
    "GET /api/v1/projects/{project_id}/tasks": project("viewer"),
    "POST /api/v1/projects/{project_id}/tasks": project("member", json={"title": "Plant trees"}),
    "GET /api/v1/tasks/{task}": project("viewer"),
    "PATCH /api/v1/tasks/{task}": project("member", json={"title": "Plant more trees"}),
    "DELETE /api/v1/tasks/{task}": (
        project("manager"),
        Entry(rule="author-or-manager", ids={"task": "@task_of_member"}),
    ),
    "POST /api/v1/tasks/{task}/move": project("member", json={"status": "done"}, ok=200),
    "GET /api/v1/tasks/{task}/subtasks": project("viewer"),
    "POST /api/v1/tasks/{task}/subtasks": project("member", json={"title": "Buy bread"}),
    "PATCH /api/v1/subtasks/{subtask_id}": project("member", json={"is_completed": True}),
    "DELETE /api/v1/subtasks/{subtask_id}": project("member"),
    "GET /api/v1/tasks/{task}/comments": project("viewer"),
    "POST /api/v1/tasks/{task}/comments": project("member", json={"body": "Well done"}),
    "PATCH /api/v1/comments/{comment_id}": (
        Entry(rule="author", ids=_COMMENT_OF_MEMBER, json={"body": "Very well done"}),
        project("owner", json={"body": "Very well done"}, differs={"admin": 403}),
    ),
    "DELETE /api/v1/comments/{comment_id}": (
        project("manager"),
        Entry(rule="author-or-manager", ids=_COMMENT_OF_MEMBER),
    ),
    "GET /api/v1/tasks/{task}/attachments": project("viewer"),
    "POST /api/v1/tasks/{task}/attachments": project("member", files="@text_file"),
    "GET /api/v1/attachments/{attachment_id}": project("viewer"),
    "GET /api/v1/attachments/{attachment_id}/content": project("viewer"),
    "DELETE /api/v1/attachments/{attachment_id}": (
        project("manager"),
        Entry(rule="author-or-manager", ids=_ATTACHMENT_OF_MEMBER),
    ),
    "GET /api/v1/projects/{project_id}/labels": project("viewer"),
    "POST /api/v1/projects/{project_id}/labels": project("manager", json={"name": "Trees", "color": "#00ff00"}),
    "PATCH /api/v1/labels/{label_id}": project("manager", json={"color": "#ff0000"}),
    "DELETE /api/v1/labels/{label_id}": project("manager"),
}

_WEBHOOKS: dict[str, Entry | tuple[Entry, ...]] = {
    "GET /api/v1/webhook-events": signed_in(),
    "GET /api/v1/projects/{project_id}/webhooks": project("manager"),
    "POST /api/v1/projects/{project_id}/webhooks": project("manager", json=_WEBHOOK, differs={"unverified": 403}),
    "GET /api/v1/webhooks/{webhook_id}": project("manager"),
    "PATCH /api/v1/webhooks/{webhook_id}": project("manager", json={"name": "Talk"}),
    "DELETE /api/v1/webhooks/{webhook_id}": project("manager"),
    "POST /api/v1/webhooks/{webhook_id}/test": project("manager", ok=202),
    "POST /api/v1/webhooks/{webhook_id}/rotate-secret": project("manager", ok=200),
    "POST /api/v1/webhooks/{webhook_id}/replay": project("manager", json={"since": "2026-01-01T00:00:00Z"}, ok=202),
    "GET /api/v1/webhooks/{webhook_id}/deliveries": project("manager"),
    "GET /api/v1/webhook-deliveries/{delivery_id}": project("manager"),
    "POST /api/v1/webhook-deliveries/{delivery_id}/redeliver": project("manager", ok=202),
}

_ADMIN: dict[str, Entry | tuple[Entry, ...]] = {
    "GET /api/v1/admin/users": admin(),
    "POST /api/v1/admin/users": admin(json="@new_account", session=True),
    "GET /api/v1/admin/users/{user_id}": admin(),
    "PATCH /api/v1/admin/users/{user_id}": admin(json={"role": "manager"}, session=True),
    "POST /api/v1/admin/users/{user_id}/deactivate": admin(ok=200, session=True),
    "POST /api/v1/admin/users/{user_id}/activate": admin(ok=200, session=True),
    "POST /api/v1/admin/users/{user_id}/reset-mfa": admin(ok=200, session=True),
    "POST /api/v1/admin/users/{user_id}/sign-out": admin(ok=204, session=True),
    "DELETE /api/v1/admin/users/{user_id}": admin(session=True),
    "POST /api/v1/admin/users/{user_id}/link": admin(
        json={"user_id": "@user_id"}, ids={"user_id": "@person_without_account"}, ok=200, session=True
    ),
    "GET /api/v1/admin/security-events": admin(),
    "GET /api/v1/admin/mails": admin(),
    "GET /api/v1/admin/mails/{mail_id}": admin(),
    "GET /api/v1/admin/health": admin(),
    "GET /api/v1/admin/backups": admin(),
    "GET /api/v1/admin/settings": admin(),
    "GET /api/v1/admin/queues": admin(),
    "GET /api/v1/admin/jobs": admin(),
    "POST /api/v1/admin/jobs/retry": admin(json={"name": "test.matrix"}, ok=200),
    "GET /api/v1/admin/jobs/{job_id}": admin(),
    "DELETE /api/v1/admin/jobs/{job_id}": admin(),
    "POST /api/v1/admin/jobs/{job_id}/retry": admin(ok=200),
    "GET /api/v1/admin/maintenance": admin(),
    "GET /api/v1/admin/maintenance/{task}/records": admin(ids={"task": "weekly.disk_space"}),
    "GET /api/v1/admin/schedules": admin(),
    "PATCH /api/v1/admin/schedules/{schedule_id}": admin(json={"cron": "0 4 * * *"}),
    "POST /api/v1/admin/schedules/{schedule_id}/run": admin(ok=200),
    "POST /api/v1/admin/schedules/{schedule_id}/pause": admin(ok=200),
    "POST /api/v1/admin/schedules/{schedule_id}/resume": admin(ok=200),
}

ROUTES: dict[str, Entry | tuple[Entry, ...]] = {
    **_HEALTH, **_ACCOUNTS, **_PROJECTS, **_TASKS, **_WEBHOOKS, **_ADMIN,
}  # fmt: skip

_TASK_IDS: dict[str, str | list[str]] = {
    "assignee_ids": ["@foreign_member"],
    "label_ids": ["@foreign_label"],
    "depends_on_ids": ["@foreign_task"],
}

# Every field of a body that names something, with an id that does not belong there: of another project of the caller,
# or of somebody whom they do not see. That is 422 at the field.
FOREIGN_IDS: dict[str, dict[str, str | list[str]]] = {
    "POST /api/v1/projects/{project_id}/members": {"user_id": "@hidden_person"},
    "POST /api/v1/projects/{project_id}/transfer": {"user_id": "@foreign_member"},
    "POST /api/v1/projects/{project_id}/tasks": _TASK_IDS,
    "PATCH /api/v1/tasks/{task}": _TASK_IDS,
    "POST /api/v1/tasks/{task}/move": {"before": "@foreign_task", "after": "@foreign_task"},
    "POST /api/v1/tasks/{task}/subtasks": {"assignee_id": "@foreign_member"},
    "PATCH /api/v1/subtasks/{subtask_id}": {"assignee_id": "@foreign_member"},
    "DELETE /api/v1/me": {"transfer_to": "@hidden_person"},
    # an administrator sees everybody: nobody's
    "POST /api/v1/admin/users/{user_id}/link": {"user_id": "@nobody"},
}
