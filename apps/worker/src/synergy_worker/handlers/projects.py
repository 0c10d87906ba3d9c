"""Jobs of the projects domain."""

from __future__ import annotations

from synergy_domain import projects
from synergy_platform.jobs import JobHandler

HANDLERS = (JobHandler(name=projects.SEND_INVITATION, function=projects.send_invitation),)
