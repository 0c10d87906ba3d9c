"""Jobs of the transfer domain."""

from __future__ import annotations

from synergy_domain import transfer
from synergy_platform.jobs import JobHandler

HANDLERS = (
    JobHandler(name=transfer.RUN_IMPORT, function=transfer.run_import, queue="bulk"),
    JobHandler(name=transfer.DISCARD_FILE, function=transfer.discard_file),
)
