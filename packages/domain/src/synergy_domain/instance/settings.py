"""The settings in force."""

from __future__ import annotations

from synergy_domain.common import Actor
from synergy_domain.instance.policy import require_admin
from synergy_platform.runtime import Runtime
from synergy_platform.settings import ShownSetting, shown_settings


def list_settings(runtime: Runtime, actor: Actor) -> list[ShownSetting]:
    """Every setting of this process, secrets left out; raises AdminsOnly."""
    require_admin(actor)
    return shown_settings(runtime.settings)
