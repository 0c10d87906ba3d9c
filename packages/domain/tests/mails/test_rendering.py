"""Mails from templates: both parts, and what people wrote cannot break out of its place."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import synergy_domain.mails
from synergy_domain.mails import render_mail

HOSTILE = (
    '<script>alert(1)</script>"><img src=x onerror=alert(1)>\r\nBcc: everybody@example.org\n{{ 7 * 7 }} & "quotes"'
)
LINKS = {
    "unsubscribe_link": "https://pm.example.org/unsubscribe/token",
    "settings_link": "https://pm.example.org/settings/notifications",
}
ITEM = {
    "title": HOSTILE, "message": HOSTILE, "link": 'https://pm.example.org/a?b=1&c="><script>', "count": 3,
    "time": "Mon",
}  # fmt: skip
CONTEXTS = {
    "verification": {"subject": HOSTILE, "name": HOSTILE, "link": ITEM["link"], "days": 3},
    "password_set": {"subject": HOSTILE, "name": HOSTILE, "username": "ada", "link": ITEM["link"], "days": 7},
    "invitation": {
        "subject": HOSTILE, "inviter": HOSTILE, "project": HOSTILE, "role": "a member", "days": 7, "link": ITEM["link"],
    },
    "mfa_code": {"subject": HOSTILE, "username": HOSTILE, "code": "123456", "purpose": "sign_in", "minutes": 10},
    "password_reset": {"subject": HOSTILE, "name": HOSTILE, "link": ITEM["link"], "hours": 1},
    "email_change": {"subject": HOSTILE, "name": HOSTILE, "link": ITEM["link"], "hours": 24},
    "security": {
        "subject": HOSTILE, "name": HOSTILE, "sentence": "it was used.", "advice": "Look.", "link": ITEM["link"],
        "facts": {HOSTILE: HOSTILE, "Time": "now"},
    },
    "notification": {"subject": HOSTILE, "item": ITEM, "reason": "Because.", **LINKS},
    "digest": {
        "subject": HOSTILE, "items": [ITEM, {**ITEM, "link": None, "message": "", "count": 1}], "more": 2,
        "frequency": "daily", "list_link": "https://pm.example.org/notifications", **LINKS,
    },
}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_every_template_has_both_parts_and_is_tried_here():
    folder = Path(synergy_domain.mails.__file__).parent / "templates"
    kinds = {path.stem for path in folder.glob("*.txt")}
    assert kinds == {path.stem for path in folder.glob("*.html")} - {"layout", "parts"} == set(CONTEXTS)


@pytest.mark.parametrize("kind", CONTEXTS)
def test_html_escapes_what_people_wrote_and_works_without_images(kind):
    html = render_mail(kind, CONTEXTS[kind]).html
    tags = Tags()
    tags.feed(html)
    names = {name for name, _ in tags.found}
    assert not names & {"script", "img", "link", "iframe", "form", "svg"}
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)" in html
    assert "49" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html
    assert html.startswith("<!doctype html>")
    assert all(
        attributes["href"].startswith("https://pm.example.org/") for name, attributes in tags.found if name == "a"
    )


@pytest.mark.parametrize("kind", CONTEXTS)
def test_text_keeps_what_people_wrote_on_its_line(kind):
    text = render_mail(kind, CONTEXTS[kind]).text
    assert not re.search(r"^Bcc:", text, re.MULTILINE)
    assert "<script>alert(1)</script>" in text
    assert "&lt;" not in text
    assert "\n\n\n" not in text


def test_digest_tells_how_many_changes_and_how_many_more():
    text = render_mail("digest", CONTEXTS["digest"]).text
    assert "(3 changes)\n" in text
    assert "and 2 more." in text


def test_missing_value_is_an_error_rather_than_a_gap():
    with pytest.raises(UndefinedError):
        render_mail("verification", {"subject": "x", "name": "Ada"})
