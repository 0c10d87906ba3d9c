"""The one typed place that reads the environment.

`load_settings` parses all settings once and raises `InvalidSettings` with every fault in one message. Each name may
also be given as `NAME_FILE`, the path of a file that holds the value (container secrets).
"""

from synergy_platform.settings.checking import production_faults, same_redis
from synergy_platform.settings.declaration import Documented, RateLimit, Settings, documented_settings
from synergy_platform.settings.providers import OidcProvider
from synergy_platform.settings.reading import EXIT_BAD_SETTINGS, InvalidSettings, load_settings, written
from synergy_platform.settings.shown import ShownSetting, shown_settings

__all__ = [
    "EXIT_BAD_SETTINGS",
    "Documented",
    "InvalidSettings",
    "OidcProvider",
    "RateLimit",
    "Settings",
    "ShownSetting",
    "documented_settings",
    "load_settings",
    "production_faults",
    "same_redis",
    "shown_settings",
    "written",
]
