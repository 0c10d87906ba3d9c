"""People's names: letters of any script, spaces, apostrophes and hyphens; nothing that hides or pretends."""

from __future__ import annotations

import itertools
import re
import unicodedata

from synergy_platform.errors import InputFault

_BETWEEN = " '’-"
_MAX_MARKS = 4
# letters and marks that show nothing (Default_Ignorable_Code_Point of Unicode, as far as it is letters and marks)
_INVISIBLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
# other letters in a costume, as their decomposition calls it: bold, wide, circled
_COSTUMES = ("<font>", "<wide>", "<narrow>", "<circle>", "<square>", "<sub>", "<super>")
# a costume that people wear: Mª, Nº
_WORN = ("ª", "º")
# scripts that are written together, by the first word of a letter's name
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HANGUL": "CJK", "BOPOMOFO": "CJK", "IDEOGRAPHIC": "CJK",
             "KATAKANA-HIRAGANA": "CJK"}  # fmt: skip
# letters of no script of their own
_ANY_SCRIPT = frozenset({"MODIFIER", "FEMININE", "MASCULINE"})


def clean_name(name: str) -> str:
    """`name` in Unicode's composed form, without space around it."""
    return unicodedata.normalize("NFC", name).strip()


def name_faults(pointer: str, name: str) -> list[InputFault]:
    """Why `name` cannot be used; marks count as letters, since many scripts write vowels with them."""
    if not name:
        return [InputFault(pointer, "too_short", "must not be empty")]
    categories = [unicodedata.category(letter)[0] for letter in name]
    if not all(kind in "LM" or letter in _BETWEEN for letter, kind in zip(name, categories, strict=True)):
        return [InputFault(pointer, "invalid", "may have letters, spaces, ' and - only")]
    if _INVISIBLE.intersection(name) or any(_is_costume(letter) for letter in name):
        return [InputFault(pointer, "invalid", "has letters that are not shown, or that stand for other letters")]
    if "L" not in categories:
        return [InputFault(pointer, "invalid", "needs at least one letter")]
    words = [word for word in re.split(f"[{_BETWEEN}]", name) if word]
    if any(unicodedata.category(word[0])[0] == "M" for word in words) or _has_pile(categories):
        return [InputFault(pointer, "invalid", "has marks with no letter to stand on, or too many on one")]
    if any(len({_script(letter) for letter in word} - {None}) > 1 for word in words):
        return [InputFault(pointer, "mixed_scripts", "mixes letters of several scripts in one word")]
    return []


def _is_costume(letter: str) -> bool:
    return letter not in _WORN and unicodedata.decomposition(letter).startswith(_COSTUMES)


def _has_pile(categories: list[str]) -> bool:
    return any(kind == "M" and len(list(run)) > _MAX_MARKS for kind, run in itertools.groupby(categories))


def _script(letter: str) -> str | None:
    """The script of a letter, after Unicode's name for it; None for a mark, and for a letter that suits any."""
    if unicodedata.category(letter)[0] == "M":
        return None
    first = unicodedata.name(letter, "UNNAMED").partition(" ")[0]
    return None if first in _ANY_SCRIPT else _TOGETHER.get(first, first)
