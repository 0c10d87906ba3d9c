"""The instance as its administrators see it: how it is, and with which settings it runs."""

from synergy_domain.instance.contracts import CheckName, CheckState, HealthCheck, SystemHealth
from synergy_domain.instance.health import Inspection
from synergy_domain.instance.settings import list_settings

__all__ = ["CheckName", "CheckState", "HealthCheck", "Inspection", "SystemHealth", "list_settings"]
