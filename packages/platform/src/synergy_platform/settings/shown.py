"""The settings in force, as an administrator may see them: no secret, and none inside an address."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from synergy_platform.settings.declaration import Documented, Settings, documented_settings
from synergy_platform.settings.reading import written

# what stands between :// and the last @ may be a user and a password; a path has one slash there
_CREDENTIALS = re.compile(r"(:/+).*@", re.DOTALL)


class ShownSetting(msgspec.Struct, kw_only=True):
    """One setting. `value` is what is in force, as it would be written; of a secret it is null.

    `source` is `default` where the value is the declared one. Some defaults are empty and mean another value, which
    `value` shows: that of `SYNERGY_REGISTRATION` is `open` in development. `unused` says why it steers nothing.
    """

    name: str
    group: str
    description: str
    is_secret: bool
    source: Literal["default", "set"]
    value: str | None
    default: str | None
    unused: str | None


def shown_settings(settings: Settings) -> list[ShownSetting]:
    """Every setting, in the order of `.env.example`."""
    shown: list[ShownSetting] = []
    group = ""
    for setting in documented_settings():
        group = setting.begins or group
        shown.append(_shown(settings, setting, group))
    return shown


def _shown(settings: Settings, setting: Documented, group: str) -> ShownSetting:
    given: object = getattr(settings, setting.field)
    return ShownSetting(
        name=setting.name,
        group=group,
        description=f"{setting.text[0].upper()}{setting.text[1:]}.",
        is_secret=setting.secret,
        source="default" if given == setting.default else "set",
        value=None if setting.secret else _without_credentials(_in_force(settings, setting.field, given)),
        default=None if setting.secret else _without_credentials(setting.default),
        unused=setting.unused or None,
    )


def _in_force(settings: Settings, field: str, given: object) -> object:
    """What an empty value means where it means something."""
    match field:
        case "registration":
            return settings.registration_mode
        case "session_cookie_secure" | "csrf_cookie_secure":
            return settings.cookies_secure
        case "email_backend":
            return settings.mail_backend
        case "home":
            return settings.home_path
        case "media_root":
            return settings.media_path
        case "backup_dir":
            return settings.backup_path
        case "db_direct_host":
            return settings.db_direct_host or settings.db_host
        case _:
            return given


def _without_credentials(value: object) -> str:
    return _CREDENTIALS.sub(r"\1…@", written(value))
