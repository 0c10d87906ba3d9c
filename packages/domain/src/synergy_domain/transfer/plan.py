"""What an import will write, whatever it was read from."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from synergy_domain.identity.people import IncomingPerson
from synergy_domain.transfer.contracts import ImportReport
from synergy_domain.work.intake import IncomingLabel, IncomingTask


class ImportPlan(msgspec.Struct, kw_only=True):
    """A project and all that is in it; `member_ids` are the `people` who join it, `report` is for the user."""

    import_source: str
    name: str
    description: str
    created_at: datetime
    people: list[IncomingPerson]
    member_ids: list[UUID]
    labels: list[IncomingLabel]
    tasks: list[IncomingTask]
    report: ImportReport
