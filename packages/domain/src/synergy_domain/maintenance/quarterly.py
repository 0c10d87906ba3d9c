"""The quarterly audit: who can do what, what leaves the system, and which settings production warns of."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from synergy_domain.maintenance.finding import Finding, Look, conclude, counted, iso
from synergy_platform.settings import Settings, production_faults

MOST_ROWS = 100
LONG_ACCESS_MINUTES = 60

# people by their ids: their names stand where they are managed, and go when the account goes
_ADMINS = """
    SELECT u.id, u.created_at, u.last_login_at, u.totp_confirmed_at IS NOT NULL AS has_totp,
           u.email_mfa_at IS NOT NULL AS has_email_codes, u.password_hash IS NOT NULL AS has_password,
           (SELECT count(*) FROM external_identities e WHERE e.user_id = u.id) AS identities_elsewhere,
           (SELECT count(*) FROM api_tokens t WHERE t.user_id = u.id AND t.revoked_at IS NULL
              AND (t.expires_at IS NULL OR t.expires_at > $1)) AS tokens
    FROM users u WHERE u.role = 'admin' AND u.is_active AND u.deleted_at IS NULL ORDER BY u.id LIMIT $2
"""
_ACCOUNTS = """
    SELECT role, count(*) FILTER (WHERE is_active) AS active, count(*) FILTER (WHERE NOT is_active) AS inactive
    FROM users WHERE deleted_at IS NULL AND NOT is_person_only GROUP BY role ORDER BY role
"""
_TOKENS = """
    SELECT array_to_string(ARRAY(SELECT unnest(scopes) ORDER BY 1), ' ') AS scopes, count(*) AS tokens,
           count(*) FILTER (WHERE expires_at IS NULL) AS without_end, count(DISTINCT user_id) AS people
    FROM api_tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) GROUP BY 1 ORDER BY 1
"""
_MEMBERS = "SELECT role, count(*) AS members FROM project_members GROUP BY role ORDER BY role"
_ORPHANED = """
    SELECT count(*) FROM projects p JOIN users u ON u.id = p.owner_id
    WHERE p.deleted_at IS NULL AND p.archived_at IS NULL AND (NOT u.is_active OR u.deleted_at IS NOT NULL)
"""
_WEBHOOKS = "SELECT url FROM webhooks WHERE deleted_at IS NULL AND is_active ORDER BY id LIMIT 10000"
_MFA_ROLES = "SELECT role FROM mfa_roles ORDER BY role"


async def audit(look: Look) -> Finding:
    """The matrix of administrators, roles and tokens, single sign-on, where webhooks go, and the settings."""
    db, settings = look.db, look.runtime.settings
    admins = [_dated(row) for row in await db.rows(_ADMINS, look.now, MOST_ROWS)]
    # the host alone: the rest of an address may hold a key
    urls: list[str] = [row["url"] for row in await db.rows(_WEBHOOKS)]
    hosts = Counter(urlsplit(url).hostname or "?" for url in urls)
    detail: dict[str, Any] = {
        "admins": admins,
        "accounts": [dict(row) for row in await db.rows(_ACCOUNTS)],
        "second_factor_needed_by": [row["role"] for row in await db.rows(_MFA_ROLES)],
        "project_members": [dict(row) for row in await db.rows(_MEMBERS)],
        "projects_of_inactive_owners": await db.value(_ORPHANED),
        "tokens": [dict(row) for row in await db.rows(_TOKENS, look.now)],
        "single_sign_on": [
            {"id": each.id, "issuer": each.issuer, "registration": each.registration, "trust_mfa": each.trust_mfa}
            for each in settings.oidc_providers
        ],
        "webhook_hosts": [{"host": host, "webhooks": count} for host, count in hosts.most_common(MOST_ROWS)],
        "settings": remarks(settings),
    }
    troubles: list[str] = []
    bare = sum(not (each["has_totp"] or each["has_email_codes"]) for each in admins)
    if bare:
        troubles.append(f"{counted(bare, 'administrator')} of {len(admins)} without a second factor.")
    if len(admins) == 1:
        troubles.append("There is one administrator only: nobody can help when they are away.")
    if orphaned := detail["projects_of_inactive_owners"]:
        troubles.append(f"{counted(orphaned, 'project')} of owners whose account is not in use.")
    if detail["settings"]:
        troubles.append(f"{counted(len(detail['settings']), 'setting')} to look at.")
    tokens = sum(each["tokens"] for each in detail["tokens"])
    return conclude(
        detail, troubles,
        f"{counted(len(admins), 'administrator')}, {counted(tokens, 'token')},"
        f" webhooks to {counted(len(hosts), 'host')}.",
    )  # fmt: skip


def remarks(settings: Settings) -> list[str]:
    """What production refuses, and what it takes and a careful operator asks about; no value that is secret."""
    found = production_faults(settings)
    if settings.registration_mode == "open":
        found.append("SYNERGY_REGISTRATION lets anybody make an account")
    if settings.webhook_allowed_networks:
        found.append(
            f"SYNERGY_WEBHOOK_ALLOWED_NETWORKS lets webhooks into {', '.join(settings.webhook_allowed_networks)}"
        )
    if settings.access_token_minutes > LONG_ACCESS_MINUTES:
        found.append(f"JWT_ACCESS_TOKEN_LIFETIME is {settings.access_token_minutes} minutes")
    if settings.log_level == "debug":
        found.append("SYNERGY_LOG_LEVEL is debug")
    found += [
        f"{name} counts nothing"
        for name, limit in (
            ("SYNERGY_RATE_LIMIT_API", settings.rate_limit_api),
            ("SYNERGY_RATE_LIMIT_LOGIN", settings.rate_limit_login),
            ("SYNERGY_RATE_LIMIT_MFA", settings.rate_limit_mfa),
            ("SYNERGY_RATE_LIMIT_FORGOT", settings.rate_limit_forgot),
        )
        if limit.count == 0
    ]
    for provider in settings.oidc_providers:
        if provider.registration:
            found.append(f"whoever signs in with {provider.id} gets an account")
        if provider.trust_mfa:
            found.append(f"the second factor of {provider.id} is taken instead of ours")
    return found


def _dated(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a record of asyncpg
    dates = {name: iso(row[name]) for name in ("created_at", "last_login_at")}
    return {**row, **dates, "id": str(row["id"])}
