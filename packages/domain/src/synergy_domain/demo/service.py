"""The verbs of demo data."""

from __future__ import annotations

from typing import Literal

import msgspec

from synergy_domain.demo import repository, story
from synergy_domain.demo.errors import AlreadyFilling, DatabaseInUse, NotInProduction
from synergy_domain.demo.reference import COLUMNS, ReferenceSet, reference_usernames
from synergy_platform.runtime import Runtime

# one for all accounts, printed where the demo is made and written down in the documentation
PASSWORD = "look-around-freely"  # noqa: S105 - known to everybody, and refused in production

Size = Literal["small", "reference"]


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """`added` is False when nothing was done; `sign_in` are accounts to try then, each with PASSWORD."""

    added: bool
    sign_in: list[str]


async def fill(runtime: Runtime, size: Size, *, only_if_empty: bool = False) -> Filled:
    """Fill the system with demo data, once.

    Raises NotInProduction, AlreadyFilling and, for the reference set, DatabaseInUse.
    """
    if runtime.settings.is_production:
        raise NotInProduction
    names = story.usernames() if size == "small" else reference_usernames()
    password_hash = await runtime.hasher.hash(PASSWORD)
    async with runtime.database.unit_of_work() as uow:
        if not await repository.lock_demo(uow):
            raise AlreadyFilling
        if await repository.is_demo(uow, names[0]):
            return Filled(added=False, sign_in=names[:5])
        if only_if_empty and not await repository.is_empty(uow):
            return Filled(added=False, sign_in=[])
        if size == "small":
            await story.tell(uow, password_hash)
        else:
            if await repository.any_project(uow) or await repository.any_user(uow, names):
                raise DatabaseInUse
            await _copy_reference(runtime, password_hash)
    return Filled(added=True, sign_in=names[:5])


async def _copy_reference(runtime: Runtime, password_hash: str) -> None:
    reference = ReferenceSet(password_hash)
    connection = await runtime.database.connect_directly()
    try:
        async with connection.transaction():
            last = await repository.lock_ledger(connection)
            for batch in reference.batches():
                for table, rows in batch.items():
                    await repository.copy(connection, table, COLUMNS[table], rows)
            await repository.copy(connection, "events", COLUMNS["events"], reference.events(last + 1))
            await repository.set_ledger_head(connection)
        await repository.refresh_statistics(connection, COLUMNS)
    finally:
        await connection.close()
