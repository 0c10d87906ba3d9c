"""Where a request came from, and how that reads."""

from __future__ import annotations

import re

import msgspec

# the first that is found names it: many call themselves by the names of others too
_PROGRAMS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\bOPR/|\bOpera\b"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chrome", r"\bChrome/|\bCriOS/|\bChromium/"),
    ("Safari", r"\bVersion/[\d.]+.*\bSafari/"),
    ("curl", r"^curl/"),
    ("Python", r"^python|\bhttpx\b|\baiohttp\b"),
    ("an app on Android", r"^okhttp/|^Dalvik/"),
    ("an app of Apple's", r"\bCFNetwork/"),
)
_SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMacintosh\b|\bMac OS X\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)


class Client(msgspec.Struct, frozen=True):
    """Where a request came from."""

    ip: str | None
    user_agent: str | None


def device_name(user_agent: str | None) -> str:
    """A user agent in words, such as `Firefox on Linux`: for people to know their devices by, and for nothing else."""
    text = (user_agent or "")[:300]
    program = next((name for name, pattern in _PROGRAMS if re.search(pattern, text)), None)
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, text)), None)
    if program and system:
        return f"{program} on {system}"
    return program or system or "Unknown device"
