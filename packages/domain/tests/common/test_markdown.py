"""Markdown and mentions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy_domain.common import markdown, mentioned_usernames, render_markdown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](vbscript:x)",
        '<a href="https://x" onclick="y">z</a>',
        "<svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
    ],
)
def test_hostile_text_becomes_harmless(hostile):
    html = render_markdown(hostile).lower()
    assert "<script" not in html
    assert "<svg" not in html
    assert "<style" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'src="vbscript' not in html
    assert '<a href="https://x" onclick' not in html


COSTLY = {
    "cells that are filled in": "|" + "a|" * 240 + "\n|" + "-|" * 240 + "\n" + "|a\n" * 16000,
    "images": "![" * 24000, "links": "[" * 49000, "emphasis": "_a__" * 12000, "addresses": "http://a.b " * 4400,
    "lines": "a\n" * 24000, "behind a fence that is none": "```a`\n" + "[" * 48000 + "\n```",
}  # fmt: skip


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_text_that_would_cost_too_much_is_shown_as_it_was_written(text, monkeypatch):
    monkeypatch.setattr(markdown, "_renderer", None)  # it is not asked
    html = render_markdown(text)
    assert html.startswith("<p>")
    assert len(html) < 4 * len(text)


def test_long_texts_of_people_are_rendered():
    log = "```\n" + "[INFO] a_b_c *done* | ok\n" * 1500 + "```\n"
    assert render_markdown(f"# Log\n\n{log}").startswith("<h4>Log</h4>\n<pre>")
    assert render_markdown("A sentence with a [link](https://example.org/a).\n\n" * 400).count("<a ") == 400
    assert render_markdown("|a|b|\n|-|-|\n" + "|1|2|\n" * 500).count("<td>") == 1000


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_renders_to_a_closed_set_of_tags(text):
    html = render_markdown(text)
    assert "<script" not in html
    assert isinstance(html, str)


def test_lists_tables_and_links_are_rendered():
    assert render_markdown("# One\n\n###### Six") == "<h4>One</h4>\n<h6>Six</h6>\n"
    assert "<li>one</li>" in render_markdown("- one\n- two")
    assert "<td>1</td>" in render_markdown("|a|\n|-|\n|1|")
    assert 'rel="noopener noreferrer nofollow"' in render_markdown("[x](https://example.org)")
    assert 'href="https://example.org/a"' in render_markdown("see https://example.org/a.")
    assert "href" not in render_markdown("see example.org")
    assert render_markdown("  \n ") == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hello @ada and @Bob-2", {"ada", "bob-2"}),
        ("mail ada@example.org", set()),
        ("`@ada` and ```\n@bob\n```", set()),
        ("(@ada), @ada!", {"ada"}),
        ("@ab too short, @-x not a name", set()),
    ],
)
def test_mentions_are_usernames_outside_code_and_addresses(text, names):
    assert mentioned_usernames(text) == names
