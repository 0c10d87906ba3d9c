"""No column that names a user is forgotten when one is deleted or linked."""

from __future__ import annotations

from synergy_domain.identity import Client
from synergy_domain.offboarding import PersonLink, delete_user, link_person
from synergy_domain.offboarding.references import REFERENCES
from synergy_domain.offboarding.repository import LEFT

CLIENT = Client("192.0.2.7", "tests")
KEPT_OF_USERS = {
    "id", "username", "is_person_only", "deactivated_at", "deleted_at", "created_at", "updated_at", "version",
}  # fmt: skip
# JSON that never names a user
PLAIN_JSON = {
    "events.data",  # decided in the table
    "idempotency_keys.headers", "imports.mapping", "imports.report", "jobs.history", "jobs.payload", "mails.headers",
    "maintenance_records.detail", "notification_preferences.channels", "notifications.data", "security_events.detail",
}  # fmt: skip

# of each table: ids that are no user's
OTHER_IDS = {
    "admin_accesses.project_id", "events.project_id", "imports.project_id", "mfa_challenges.device_id",
    "refresh_tokens.session_id", "webhook_deliveries.event_id",
}  # fmt: skip


async def columns(runtime, *kinds):
    rows = await runtime.database.reader().rows(
        """SELECT c.table_name || '.' || c.column_name AS name,
                  (SELECT min(t.table_name) FROM information_schema.key_column_usage k
                   JOIN information_schema.referential_constraints r USING (constraint_schema, constraint_name)
                   JOIN information_schema.constraint_column_usage t USING (constraint_schema, constraint_name)
                   WHERE k.table_name = c.table_name AND k.column_name = c.column_name) AS refers_to
           FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.data_type = ANY($1::text[])""",
        list(kinds),
    )
    return {row["name"]: row["refers_to"] for row in rows}


async def test_every_column_that_may_name_a_user_is_decided(runtime):
    """Every id that is neither its row's own nor refers to another table; and all JSON."""
    found = {
        name for name, refers_to in (await columns(runtime, "uuid")).items()
        if refers_to == "users" or (refers_to is None and not name.endswith(".id"))
    }  # fmt: skip
    json = set(await columns(runtime, "json", "jsonb"))
    decided = {f"{reference.table}.{reference.column}" for reference in REFERENCES}

    assert found - OTHER_IDS == decided - {"events.data"}
    assert json == PLAIN_JSON


async def test_every_column_of_an_account_is_emptied_or_kept_on_purpose(runtime):
    found = {
        row["column_name"]
        for row in await runtime.database.reader().rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'users' AND table_schema = 'public'"
        )
    }
    assert found == KEPT_OF_USERS | set(LEFT)


async def test_delete_user_does_with_every_column_what_was_decided(busy, make, runtime):
    user, _, _ = await busy.member(owns=True)
    before = await busy.naming(user.user_id)
    assert all(before.values()), f"nothing names the user in {[name for name, count in before.items() if not count]}"

    async with runtime.database.unit_of_work() as uow:
        await delete_user(uow, await make.user(role="admin"), CLIENT, user.user_id, (await make.user()).user_id)

    after = await busy.naming(user.user_id)
    for reference in REFERENCES:
        name = f"{reference.table}.{reference.column}"
        if reference.on_delete == "keep":
            assert after[name] > 0, name
        elif name != "events.data":  # the ids in it stay, as do those of texts
            assert after[name] == 0, name
    named = await runtime.database.reader().value(
        "SELECT count(*) FROM events WHERE data ->> 'username' = $1", user.username
    )
    assert named == 0


async def test_link_person_does_with_every_column_what_was_decided(busy, make, runtime):
    person, _, _ = await busy.member(owns=True, email=None, password_hash=None, is_active=False, is_person_only=True)
    account, admin = await make.user(), await make.user(role="admin")
    before, own = await busy.naming(person.user_id), await busy.naming(account.user_id)
    # nobody signs in as a person, but whatever is there must not be left behind
    assert all(before.values())

    async with runtime.database.unit_of_work() as uow:
        await link_person(uow, admin, CLIENT, person.user_id, PersonLink(user_id=account.user_id))

    after, moved = await busy.naming(person.user_id), await busy.naming(account.user_id)
    for reference in REFERENCES:
        name = f"{reference.table}.{reference.column}"
        assert after[name] == (before[name] if reference.on_link == "keep" else 0), name
        if reference.on_link in {"move", "own"}:
            assert moved[name] >= own[name] + before[name], name
    left = await runtime.database.reader().value("SELECT count(*) FROM users WHERE id = $1", person.user_id)
    assert left == 0


async def test_delete_user_takes_as_many_statements_however_much_they_did(busy, make, runtime, counter):
    heir, admin = await make.user(), await make.user(role="admin")
    costs: list[int] = []
    for amount in (1, 6):
        user, _, _ = await busy.member()
        for _ in range(amount):
            await make.task(await make.project(user), assignee_ids=[user.user_id])
        counter.statements.clear()
        async with runtime.database.unit_of_work() as uow:
            await delete_user(uow, admin, CLIENT, user.user_id, heir.user_id)
        costs.append(len(counter.statements))

    assert costs == [costs[0]] * 2
    assert costs[0] <= 12


async def test_link_person_takes_as_many_statements_however_much_they_did(busy, make, runtime, counter):
    account, admin = await make.user(), await make.user(role="admin")
    costs: list[int] = []
    for amount in (1, 6):
        person, project, _ = await busy.member(owns=True, email=None, is_active=False, is_person_only=True)
        for _ in range(amount):
            await make.task(project, assignee_ids=[person.user_id])
        counter.statements.clear()
        async with runtime.database.unit_of_work() as uow:
            await link_person(uow, admin, CLIENT, person.user_id, PersonLink(user_id=account.user_id))
        costs.append(len(counter.statements))

    assert costs == [costs[0]] * 2
    assert costs[0] <= 12
