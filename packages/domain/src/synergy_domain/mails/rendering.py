"""Mails from templates: one layout, for each kind a text part and an HTML part.

`templates/<kind>.txt` and `templates/<kind>.html`; what people wrote is escaped in HTML, and put on one line or quoted
in text, so that it cannot pass for ours.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from synergy_platform.mail import one_line

if TYPE_CHECKING:
    from jinja2 import Environment


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The two parts of a mail."""

    text: str
    html: str


def _quoted(text: str) -> str:
    """Text of several lines, each behind a `>` as in answers to mails."""
    return "\n".join(f"> {one_line(line, 2000)}".rstrip() for line in text.strip().splitlines())


@cache
def _environment() -> Environment:
    # only processes that write mails load the templates' language; the API does not
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("synergy_domain.mails", "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["one_line"] = one_line
    environment.filters["quoted"] = _quoted
    return environment


def render_mail(kind: str, context: dict[str, Any]) -> Rendered:
    """Both parts of a mail; every name that a template uses must be in `context`."""
    return Rendered(
        text=_environment().get_template(f"{kind}.txt").render(context),
        html=_environment().get_template(f"{kind}.html").render(context),
    )
