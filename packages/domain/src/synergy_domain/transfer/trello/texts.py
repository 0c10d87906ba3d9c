"""Texts of a board as tasks can have them: clean, within the limits, and nothing lost that a link or line can keep."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from synergy_domain.transfer.trello.export import Attachment, Card, CustomField, CustomFieldItem, present

TITLE_MAX, DESCRIPTION_MAX, COMMENT_MAX, ITEM_MAX, GROUP_MAX, NAME_MAX = 200, 100_000, 20_000, 300, 200, 200
_CUT_NOTE = "\n\n*(The rest was cut off at import.)*"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_URL_SIGNS = "%/:?#[]@!$&'*+,;=~-._"


def clean(text: str | None) -> str:
    """`text` with line feeds only and without control characters, which a database or a page cannot hold."""
    return _CONTROL.sub("", (text or "").replace("\r\n", "\n").replace("\r", "\n")).strip()


def single_line(text: str | None) -> str:
    """`text` in one line."""
    return " ".join(clean(text).split())


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with a note where something was cut off."""
    return text if len(text) <= limit else text[: limit - len(_CUT_NOTE)].rstrip() + _CUT_NOTE


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, within a line."""
    return re.sub(r"([\\`*_\[\]<>&~|])", r"\\\1", text)


def web_address(url: str | None) -> str | None:
    """An http or https address that can stand in a Markdown link; None for anything else."""
    text = clean(url)
    try:
        parts = urlsplit(text)
        usable = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return quote(text, safe=_URL_SIGNS) if usable else None


def attachment_lines(attachments: list[Attachment]) -> list[str]:
    """A line with a link for each attachment that has an address on the web."""
    lines: list[str] = []
    for attachment in attachments:
        address = web_address(attachment.url)
        if address is not None:
            lines.append(f"- [{escape(single_line(attachment.name) or address)}]({address})")
    return lines


def custom_field_lines(card: Card, fields: dict[str, CustomField]) -> list[str]:
    """A line for each custom field that has a value on the card."""
    lines: list[str] = []
    for item in present(card.custom_field_items):
        field = fields.get(item.id_custom_field or "")
        value = _custom_value(item, field) if field else ""
        if field is not None and value:
            lines.append(f"- {escape(single_line(field.name) or 'Field')}: {escape(value)}")
    return lines


def _custom_value(item: CustomFieldItem, field: CustomField) -> str:
    value = item.value
    if item.id_value:
        value = next((option.value for option in present(field.options) if option.id == item.id_value), None)
    if value is None:
        return ""
    if value.checked is not None:
        return "yes" if str(value.checked).lower() == "true" else "no"
    return single_line(str(next((one for one in (value.text, value.number, value.date) if one is not None), "")))


def describe(whole_title: str | None, text: str, sections: list[tuple[str, list[str]]]) -> str:
    """A description: the title if it had to be cut, the card's text, and the sections that have lines."""
    parts = [f"> {escape(whole_title)}"] if whole_title else []
    parts += [text] if text else []
    parts += [f"## {heading}\n\n" + "\n".join(lines) for heading, lines in sections if lines]
    return "\n\n".join(parts)
