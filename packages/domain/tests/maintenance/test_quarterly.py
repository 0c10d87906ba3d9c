"""The quarterly audit, on data whose outcome is known."""

from __future__ import annotations

import msgspec

from synergy_domain.maintenance.quarterly import remarks
from synergy_domain.webhooks import WebhookInput, create_webhook
from synergy_platform.settings import OidcProvider, RateLimit, Settings

SAFE = Settings(
    environment="production", secret_keys=("k" * 40,), allowed_hosts=("work.example.org",),
    public_url="https://work.example.org", broker_url="redis://broker:6379/0", redis_url="redis://cache:6379/0",
)  # fmt: skip


async def test_audit_is_a_matrix_without_names_or_secrets(checks, own):
    checks.runtime.settings = msgspec.structs.replace(
        SAFE,
        oidc_providers=(
            OidcProvider(
                id="corp", name="Corp", issuer="https://login.example.org", client_id="c", client_secret="hush"
            ),
        ),
    )  # fmt: skip
    ada = await own.user(role="admin", totp_confirmed_at=checks.now, totp_secret=b"x")
    bob = await own.user(role="admin", email_mfa_at=checks.now, password_hash=None)
    await own.user(role="admin", is_active=False)
    await own.user(role="manager")
    await own.api_token(ada, "read", "admin")
    await own.api_token(bob, "admin", "read")
    await own.api_token(bob, "read")
    project = await own.project(await own.user(verified=True))
    await own.member(project, "viewer")
    for url in ("https://hooks.example.org/first-key", "https://hooks.example.org/b", "https://other.example.org/"):
        async with checks.runtime.database.unit_of_work() as uow:
            await create_webhook(
                checks.runtime, uow, own.owner(project), project.id, WebhookInput(name="Chat", url=url)
            )
    await checks.sql("INSERT INTO mfa_roles (role, required_since) VALUES ('admin', now())")

    finding = await checks.do("quarterly.audit")
    detail = finding.detail
    assert finding.outcome == "ok", finding.summary
    assert [(each["id"], each["has_totp"], each["has_email_codes"], each["has_password"], each["tokens"])
            for each in detail["admins"]] == [
        (str(ada.user_id), True, False, True, 1), (str(bob.user_id), False, True, False, 2),
    ]  # fmt: skip
    assert {"role": "admin", "active": 2, "inactive": 1} in detail["accounts"]
    assert {"role": "manager", "active": 1, "inactive": 0} in detail["accounts"]
    assert detail["tokens"] == [
        {"scopes": "admin read", "tokens": 2, "without_end": 2, "people": 2},
        {"scopes": "read", "tokens": 1, "without_end": 1, "people": 1},
    ]
    assert detail["second_factor_needed_by"] == ["admin"]
    assert {"role": "viewer", "members": 1} in detail["project_members"]
    assert detail["single_sign_on"] == [
        {"id": "corp", "issuer": "https://login.example.org", "registration": False, "trust_mfa": False}
    ]
    assert detail["webhook_hosts"] == [
        {"host": "hooks.example.org", "webhooks": 2}, {"host": "other.example.org", "webhooks": 1},
    ]  # fmt: skip
    for hidden in ("first-key", "hush", ada.username, "k" * 40):
        assert hidden not in str(detail)


async def test_audit_asks_for_second_factors_a_second_admin_and_owners_that_are_here(checks, own):
    checks.runtime.settings = SAFE
    await own.user(role="admin")
    project = await own.project()
    await checks.sql("UPDATE users SET is_active = false WHERE id = $1", project.owner.id)
    finding = await checks.do("quarterly.audit")
    assert finding.summary == (
        "1 administrator of 1 without a second factor. There is one administrator only: nobody can help when they are"
        " away. 1 project of owners whose account is not in use."
    )


def test_remarks_name_the_settings_that_a_careful_operator_asks_about():
    assert remarks(SAFE) == []
    changed = msgspec.structs.replace(
        SAFE, debug=True, registration="open", webhook_allowed_networks=("10.0.0.0/8",), log_level="debug",
        access_token_minutes=600, rate_limit_login=RateLimit(0, 1),
        oidc_providers=(
            OidcProvider(
                id="corp", name="Corp", issuer="https://login.example.org", client_id="c", registration=True,
                trust_mfa=True,
            ),
        ),
    )  # fmt: skip
    assert [remark.split()[0] for remark in remarks(changed)] == [
        "DEBUG", "SYNERGY_REGISTRATION", "SYNERGY_WEBHOOK_ALLOWED_NETWORKS", "JWT_ACCESS_TOKEN_LIFETIME",
        "SYNERGY_LOG_LEVEL", "SYNERGY_RATE_LIMIT_LOGIN", "whoever", "the",
    ]  # fmt: skip
