"""Markdown that people write, rendered and sanitised once, when it is stored."""

from __future__ import annotations

import html
import re

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

# raw HTML is shown as text; links are made of plain addresses too
_renderer = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True}).enable(
    ["table", "strikethrough", "linkify"]
)
# `example.org` in a sentence is no link: only addresses that say so are
_renderer.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType]  # it is there with linkify, typed in part


def _lower_headings(state: StateCore) -> None:
    """`#` is a fourth-level heading: the page around the text has those above it."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _HEADINGS_ABOVE)}"


_HEADINGS_ABOVE = 3
_renderer.core.ruler.push("lower_headings", _lower_headings)

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "code": {"class"}}
_MENTION = re.compile(r"(?<![\w@/.-])@([a-z0-9][a-z0-9_-]{2,29})(?![\w@])", re.IGNORECASE)
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)


# What a text may cost: whoever else asks this process for something waits meanwhile. Nobody writes so much formatting.
_MOST_SIGNS = 4_000
_MOST_CELLS = 10_000
_SIGN = re.compile(r"[\[\]!*_~`|<&#\\\n]|://")
_FENCED = re.compile(r"^```[^`\n]*\n.*?^```[ \t]*$", re.DOTALL | re.MULTILINE)


def _costs_too_much(text: str) -> bool:
    """Whether there is more formatting, or room for cells of tables, than a text of people has; code is cheap."""
    if len(text) <= _MOST_SIGNS:
        return _cells(text) > _MOST_CELLS
    prose = _FENCED.sub("", text)
    return sum(1 for _ in _SIGN.finditer(prose)) > _MOST_SIGNS or _cells(prose) > _MOST_CELLS


def _cells(text: str) -> int:
    """How many cells the widest row could give to all rows: missing ones are filled in."""
    pipes = [row.count("|") for row in text.split("\n") if "|" in row]
    return max(pipes, default=0) * len(pipes)


def render_markdown(text: str) -> str:
    """`text` as HTML that is safe to put into a page; empty for an empty text.

    One that would cost too much is shown as it was written.
    """
    if not text.strip():
        return ""
    plain = f"<p>{html.escape(text, quote=False)}</p>".replace("\n", "<br>\n") if _costs_too_much(text) else None
    return nh3.clean(
        plain or _renderer.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def mentioned_usernames(text: str) -> set[str]:
    """The usernames written as `@name`, in lower case; what stands in code is no mention."""
    return {name.lower() for name in _MENTION.findall(_CODE.sub(" ", text))}
