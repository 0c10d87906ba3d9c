"""The ASVS table says something of every requirement of levels 1 and 2, and what it names is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/asvs.md"

# the ids of ASVS 5.0.0, section by section: 1.2.1,2 is V1.2.1 and V1.2.2
LEVEL_1 = """
1.2.1,2,3,4,5 1.3.1,2 1.5.1 2.1.1 2.2.1,2 2.3.1 3.2.1,2 3.3.1 3.4.1,2 3.5.1,2,3 4.1.1 4.4.1 5.2.1,2 5.3.1,2 6.1.1
6.2.1,2,3,4,5,6,7,8 6.3.1,2 6.4.1,2 7.2.1,2,3,4 7.4.1,2 8.1.1 8.2.1,2 8.3.1 9.1.1,2,3 9.2.1 10.4.1,2,3,4,5 11.3.1,2
11.4.1 12.1.1 12.2.1,2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1
"""
LEVEL_2 = """
1.1.1,2 1.2.6,7,8,9 1.3.3,4,5,6,7,8,9,10,11 1.4.1,2,3 1.5.2 2.1.2,3 2.2.3 2.3.2,3,4 2.4.1 3.3.2,3,4 3.4.3,4,5,6 3.5.4,5
3.7.1,2 4.1.2,3 4.2.1 4.3.1,2 4.4.2,3,4 5.1.1 5.2.3 5.4.1,2,3 6.1.2,3 6.2.9,10,11,12 6.3.3,4 6.4.3,4 6.5.1,2,3,4,5
6.6.1,2,3 6.8.1,2,3,4 7.1.1,2,3 7.3.1,2 7.4.3,4,5 7.5.1,2 7.6.1,2 8.1.2 8.2.3 8.4.1 9.2.2,3,4 10.1.1,2 10.2.1,2
10.3.1,2,3,4 10.4.6,7,8,9,10,11 10.5.1,2,3,4,5 10.6.1,2 10.7.1,2,3 11.1.1,2 11.2.1,2,3 11.3.3 11.4.2,3,4 11.5.1 11.6.1
12.1.2,3 12.3.1,2,3,4 13.1.1 13.2.1,2,3,4,5 13.3.1,2 13.4.2,3,4,5 14.1.1,2 14.2.2,3,4 14.3.2,3 15.1.2,3 15.2.2,3
15.3.2,3,4,5,6,7 16.1.1 16.2.1,2,3,4,5 16.3.1,2,3,4 16.4.1,2,3 16.5.1,2,3 17.1.1 17.2.1,2,3,4 17.3.1,2
"""
# in the place of a test, where there is nothing to run
BY_INSPECTION = "by inspection"
NOTHING = "—"


def _ids(text: str) -> list[str]:
    return [
        f"V{section}.{number}"
        for section, numbers in (word.rsplit(".", 1) for word in text.split())
        for number in numbers.split(",")
    ]


LEVELS = {"1": _ids(LEVEL_1), "2": _ids(LEVEL_2)}
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| V")
]
TESTS = sorted({proof for row in ROWS for proof in re.findall(r"`([^`]+::[^`]+)`", row[5])})
TESTS_OF_THE_THREAT_MODEL = sorted(set(re.findall(r"`([^`]+::[^`]+)`", (ROOT / "docs/security.md").read_text())))
# what stands in code quotes with a folder and an ending, or is a file at the top, is a file of this project
FILES = sorted(
    {
        path
        for row in ROWS
        for path in re.findall(r"`([^`\s:*{]+)`", row[4])
        if re.fullmatch(r"(apps|packages|nginx|docker|ops|docs)/.+\.\w+|compose\.yaml|pyproject\.toml", path)
    }
)


def _is_there(place: str) -> bool:
    path, _, test = place.partition("::")
    if not (ROOT / path).is_file():
        return False
    text = (ROOT / path).read_text()
    if path.endswith(".py"):
        return re.search(rf"^(async )?def {re.escape(test)}\(", text, re.MULTILINE) is not None
    return f'"{test}"' in text


def test_every_requirement_of_levels_1_and_2_is_there_once_with_its_level():
    assert [len(ids) for ids in LEVELS.values()] == [70, 183]
    assert [count for count in Counter(row[0] for row in ROWS).values() if count != 1] == []
    assert {(row[0], row[1]) for row in ROWS} == {(name, level) for level, ids in LEVELS.items() for name in ids}


def test_every_row_says_how_or_why():
    faults: list[str] = []
    for name, _, title, status, how, proof in ROWS:
        tested = "::" in proof
        if status == "met":
            good = tested or (proof == BY_INSPECTION and how)
        else:
            good = status in {"open", "not applicable"} and how and (tested or proof == NOTHING)
        if not (good and title):
            faults.append(name)
    assert faults == []


def test_counts_at_the_head_are_those_of_the_rows():
    text = PAGE.read_text()
    for level in LEVELS:
        counted = Counter(row[3] for row in ROWS if row[1] == level)
        cells = [level, counted["met"], counted["not applicable"], counted["open"], counted.total()]
        assert f"\n| {' | '.join(map(str, cells))} |\n" in text


def test_every_test_that_is_named_is_there():
    assert [place for place in [*TESTS, *TESTS_OF_THE_THREAT_MODEL] if not _is_there(place)] == []


def test_every_file_that_is_named_is_there():
    assert [path for path in FILES if not (ROOT / path).is_file()] == []


def test_every_purpose_that_a_key_is_derived_for_is_in_the_threat_model():
    text = (ROOT / "docs/security.md").read_text()
    use = re.compile(r"(JwtSigner|SecretBox)\([\w.]*keyring, ([\w\"-]+)|keyring\.(macs?)\(([\w\"-]+)")
    prefix = {"JwtSigner": "jwt:", "SecretBox": "secretbox:"}
    purposes: set[str] = set()
    for path in (source for folder in ("apps", "packages") for source in (ROOT / folder).glob("*/src/**/*.py")):
        code = path.read_text()
        for kind, first, _, second in use.findall(code):
            word = first or second
            if word == "_PURPOSE":
                [word] = re.findall(r'^_PURPOSE = ("[\w-]+")', code, re.MULTILINE)
            if word.startswith('"'):
                purposes.add(prefix.get(kind, "") + word.strip('"'))
    assert len(purposes) >= 10
    assert sorted(purpose for purpose in purposes if f"`{purpose}`" not in text) == []


@pytest.mark.parametrize("page", ["docs/asvs.md", "docs/security.md", "SECURITY.md"])
def test_links_lead_somewhere(page):
    source = ROOT / page
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", source.read_text()):
        path, _, anchor = target.partition("#")
        page_there = (source.parent / path).resolve() if path else source
        assert page_there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page_there.read_text().lower(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}, target
