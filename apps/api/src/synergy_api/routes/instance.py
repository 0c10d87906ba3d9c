"""The instance, for administrators: how it is, its backups, its settings."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency

from synergy_api.documentation import errors
from synergy_api.lists import ItemList, whole
from synergy_domain import instance, maintenance
from synergy_domain.common import Actor
from synergy_domain.instance import SystemHealth
from synergy_domain.maintenance import BackupsView
from synergy_platform.database import Reader
from synergy_platform.settings import ShownSetting

_READ = errors(400, 401, 403)


@get("/admin/health", tags=["admin"], responses=_READ)
async def get_system_health(state: State, actor: NamedDependency[Actor]) -> SystemHealth:
    """How each part of the instance is, and what to do about it; within two seconds, whatever hangs."""
    health: SystemHealth = await state.inspection.health(actor)
    return health


@get("/admin/backups", tags=["admin"], responses=_READ)
async def get_backups(state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> BackupsView:
    """The last backups, drills, restores and copies elsewhere; and when a restore was last proven to work."""
    return await maintenance.state_of_backups(state.runtime, db, actor)


@get("/admin/settings", tags=["admin"], responses=_READ)
async def list_settings(state: State, actor: NamedDependency[Actor]) -> ItemList[ShownSetting]:
    """Every setting with the value in force, secrets without theirs."""
    return whole(instance.list_settings(state.runtime, actor))


router = Router("", route_handlers=[get_system_health, get_backups, list_settings])
