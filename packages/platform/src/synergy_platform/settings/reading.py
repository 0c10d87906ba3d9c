"""Settings out of the environment, and back into its notation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

import msgspec

from synergy_platform.settings.checking import find_faults
from synergy_platform.settings.declaration import Documented, RateLimit, Settings, documented_settings
from synergy_platform.settings.providers import OidcProvider, parse_providers

EXIT_BAD_SETTINGS = 78  # EX_CONFIG of sysexits.h

_PREFIX = "SYNERGY_"
_ALIKE = 0.82  # from here on two names are taken for the same word, written with a slip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class InvalidSettings(Exception):
    """Some settings cannot be used; `faults` has a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("Settings cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read `environ`; raises `InvalidSettings` with every fault, never only the first."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for setting in documented_settings():
        text = _raw_value(environ, setting, faults)
        if text is None or text == "":
            continue
        try:
            values[setting.field] = _convert(text, setting.type)
        except ValueError as error:
            shown = "the value" if setting.secret else repr(text)
            faults.append(f"{setting.name}: {shown} cannot be used: {error}")
    faults += _misspelt(environ)
    settings = Settings(**values)
    faults += find_faults(settings)
    if faults:
        raise InvalidSettings(faults)
    return settings


def _raw_value(environ: Mapping[str, str], setting: Documented, faults: list[str]) -> str | None:
    for name in (setting.name, *setting.aliases):
        value, path = environ.get(name), environ.get(f"{name}_FILE")
        if value is not None and path is not None:
            faults.append(f"{name} and {name}_FILE are both set: keep one of them")
        if path is not None:
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                faults.append(f"{name}_FILE names {path}, which cannot be read: {error.strerror}")
                return None
        if value is not None:
            return value.strip()
    return None


def _convert(text: str, target: Any) -> Any:  # noqa: ANN401 - the type is a value here
    """`text` as `target`; ValueError says what was expected."""
    if target is RateLimit:
        if text == "0":
            return RateLimit(0, 1)
        match = re.fullmatch(r"(\d+)/(\d*)([smhd])", text)
        if match is None:
            raise ValueError("expected COUNT/PERIOD such as 5/5m, or 0 for no limit")
        return RateLimit(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])
    if target in {bool, bool | None}:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError("expected true or false")
    if target == tuple[OidcProvider, ...]:
        return parse_providers(text)
    if get_origin(target) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(target) is Literal:
        choices = [choice for choice in get_args(target) if choice]
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text
    try:
        return msgspec.convert(text, target, strict=False)
    except msgspec.ValidationError as error:
        expected = {int: "expected a whole number", float: "expected a number"}
        raise ValueError(expected.get(target) or str(error)) from None


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    """Names of ours that no setting has but that look like one.

    Others are left alone: the same `.env` serves the proxy, the web app and compose.yaml.
    """
    known = [name for setting in documented_settings() for name in (setting.name, *setting.aliases)]
    ours = {name.removeprefix(_PREFIX): name for name in known if name.startswith(_PREFIX)}
    faults: list[str] = []
    for name in environ:
        word = name.removesuffix("_FILE").removeprefix(_PREFIX)
        if not name.startswith(_PREFIX) or word in ours or name.removeprefix(_PREFIX) in ours:
            continue
        if near := difflib.get_close_matches(word, ours, 1, _ALIKE):
            faults.append(f"{name} is no setting: is {ours[near[0]]} meant?")
    return faults


def written(value: object) -> str:
    """A setting's value as it stands in the environment."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(str(part) for part in cast("tuple[object, ...]", value))
        case RateLimit(count=0):
            return "0"
        case RateLimit():
            seconds, unit = next(
                (seconds, unit) for unit, seconds in reversed(_UNITS.items()) if value.seconds % seconds == 0
            )
            periods = value.seconds // seconds
            return f"{value.count}/{periods if periods > 1 else ''}{unit}"
        case _:
            return str(value)
