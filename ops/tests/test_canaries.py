"""The search for secrets in what a test run logs finds them, and does not show them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synergy_testing.finding import Finder

TESTS = Path(__file__).parents[2] / "tests"
# put together here: the run that this test is part of must not know them, since it reads what the inner run prints
MARK = "quite" + "Unlikely"
SHORT = "new" + " pass"

BEGIN = """
import asyncio, logging, secrets, subprocess, sys
from datetime import datetime
import httpx, pytest, structlog
from synergy_platform.passwords import PasswordHasher
from synergy_platform.secretbox import SecretBox
from synergy_platform.tokens import JwtSigner, Keyring, new_opaque_token
from synergy_testing.canaries import watch_log

log = structlog.stdlib.get_logger("synergy_domain.identity")
keyring = Keyring(["nobody knows this key"])

def hashed(password):
    hasher = PasswordHasher(memory_kib=64)
    asyncio.run(hasher.hash(password))
    hasher.close()
    return password

def answers(status, body, **headers):
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body, headers=headers))
    return httpx.Client(transport=transport, base_url="http://x")
"""


def run(folder: Path, tests: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """A run of small tests, each with secrets of its own: SECRET and SHORT."""
    text = BEGIN
    for number, (name, body) in enumerate(tests.items()):
        text += f"\ndef test_{name}(tmp_path):\n"
        lines = [f"SECRET, SHORT = '{number}{MARK}ToBeHere', '{SHORT} {number:03}'", *body.strip().splitlines()]
        text += "".join(f"    {line}\n" for line in lines)
    (folder / "test_inner.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "synergy_testing.canaries", "-p", "no:logging", *options]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "HOME": str(folder)}
    return subprocess.run(
        [*command, "test_inner.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


LEAKS = {
    "a_password_that_was_hashed": 'log.info("user.made", note=f"with {hashed(SHORT)}")',
    "a_password_with_a_quote": """log.info("user.made", note=hashed(f'"{SHORT}"'))""",
    "an_opaque_token_behind_an_escaped_new_line": 'log.info("link.made", text="see\\\\n" + new_opaque_token())',
    "the_first_half_of_a_token": 'log.info("link.made", text="see " + new_opaque_token()[:20])',
    "a_JSON_Web_Token": """
now = datetime.now()
log.warning("signed", url="/?t=" + JwtSigner(keyring, "x").sign({}, issued_at=now, expires_at=now))
""",
    "what_was_encrypted": """
SecretBox(keyring, "totp").encrypt(SECRET)
log.info("factor.added", uri=f"otpauth://totp/x?s={SECRET}")
""",
    "the_token_of_a_link_in_a_mail": """
SecretBox(keyring, "mail").encrypt(f"Click https://x/reset#token={SECRET} soon")
log.info("mail.sent", first_line=SECRET)
""",
    "a_code_of_a_mail": """
SecretBox(keyring, "mail").encrypt("Your code is 482913.")
log.info("mail.sent", code="482913")
""",
    "a_message_of_a_library": 'logging.getLogger("some.library").warning("GET /?token=%s", new_opaque_token())',
    "a_traceback": """
try:
    raise ValueError(hashed(SHORT))
except ValueError:
    log.exception("it.failed")
""",
    "a_line_below_the_level_of_production": 'log.debug("looked.up", key=new_opaque_token())',
    "a_line_that_a_test_captures": """
with structlog.testing.capture_logs():
    log.info("link.made", text=new_opaque_token())
""",
    "what_was_answered": """
answers(200, {"items": [{"access_token": SECRET}]}).post("/login")
log.info("signed.in", key=SECRET)
""",
    "a_list_of_codes_that_was_answered": """
answers(200, {"recovery_codes": ["A1B2-C3D4-E5F6-G7H8-J9K0"]}).post("/codes")
log.info("codes.made", first="A1B2-C3D4-E5F6-G7H8-J9K0")
""",
    "a_cookie": """
answers(204, None, **{"set-cookie": f"synergy_refresh={SECRET}; HttpOnly"}).post("/login")
log.info("signed.in", key=SECRET)
""",
    "what_was_sent_in_the_answer_that_refuses": """
answers(422, {"value": SHORT}).post("/", json={"new_password": SHORT})
""",
    "a_header_in_the_answer_that_refuses": """
answers(401, {"detail": SECRET}).get("/", headers={"Authorization": f"Bearer {SECRET}"})
""",
    "the_output_of_a_child": """
with open(tmp_path / "log", "wb") as log:
    subprocess.run([sys.executable, "-c", f"print({new_opaque_token()!r})"], stdout=log, check=True)
(tmp_path / "log").unlink()
""",
    "the_output_of_a_child_that_nobody_reads": """
program = f"import sys; sys.stderr.write({new_opaque_token()!r})"
subprocess.run([sys.executable, "-c", program], stderr=subprocess.DEVNULL, check=True)
""",
    "the_output_of_a_child_that_is_read": """
subprocess.run([sys.executable, "-c", f"print({new_opaque_token()!r})"], capture_output=True, check=True)
""",
    "the_output_of_a_child_of_asyncio": """
async def start():
    command = [sys.executable, "-c", f"print({new_opaque_token()!r})"]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    await child.communicate()
asyncio.run(start())
""",
    "the_key_that_a_child_was_given": """
environ = {"SECRET_KEY": SECRET}
subprocess.run([sys.executable, "-c", "import os; print(os.environ)"], env=environ, capture_output=True, check=True)
""",
    "a_file_that_a_process_writes": """
watch_log(tmp_path / "log")
(tmp_path / "log").write_text("worker.started " + new_opaque_token())
""",
}


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run(tmp_path_factory.mktemp("leaking"), LEAKS)


def test_run_with_secrets_in_what_it_writes_fails_and_does_not_show_them(leaking):
    assert leaking.returncode == 1, leaking.stdout + leaking.stderr
    assert f"{len(LEAKS)} passed" in leaking.stdout
    assert leaking.stdout.count("[secret]") >= len(LEAKS)
    for secret in (MARK, SHORT, "A1B2-C3D4", "482913"):
        assert secret not in leaking.stdout


@pytest.mark.parametrize("name", LEAKS)
def test_secret_is_found(leaking, name):
    _, _, report = leaking.stdout.partition("secrets in log lines or error answers")
    assert f"made in test_inner.py::test_{name}\n  written in test_inner.py::test_{name}\n" in report


HARMLESS = {
    "nothing": "pass",
    "words_of_ours": """
hashed("a password")
answers(409, {"detail": "Set a password first."}).get("/identities")
""",
    "the_id_of_a_token": """
answers(200, {"token_id": "01a22b6f-4b96-7460-a186-d7bf2e94f77e"}).get("/events")
log.info("token.revoked", token="x", key="01a22b6f-4b96-7460-a186-d7bf2e94f77e")
""",
    "a_field_that_is_left_out": """
log.info("signed.in", access_token=new_opaque_token(), detail={"password": hashed(SHORT)})
""",
    "a_number_that_is_no_code": """
SecretBox(keyring, "mail").encrypt("Your code is 482913.")
log.info("job.done", duration=482913)
""",
    "a_secret_in_an_answer_that_grants": 'answers(200, {"access_token": SECRET}).post("/", json={"password": SHORT})',
    "another_token": 'new_opaque_token(); log.info("x", text="' + "x" * 43 + '")',
}


def test_run_without_a_secret_in_what_it_writes_passes(tmp_path):
    done = run(tmp_path, HARMLESS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_parallel_run_reports_what_its_processes_found(tmp_path):
    tests = {
        "token": 'log.info("link.made", text=new_opaque_token())',
        "no_handler": "logging.getLogger().handlers.clear()",
    }
    done = run(tmp_path, tests, "-p", "xdist", "-n", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "written in test_inner.py::test_token" in done.stdout
    assert "took the handler of log lines away" in done.stdout


def test_line_that_does_not_fit_the_schema_fails_the_run(tmp_path):
    done = run(tmp_path, {"line": 'log.info("x", **{"http.unheard_of": 1})'})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "does not fit ops/log-schema.json" in done.stdout
    assert "written in test_inner.py::test_line" in done.stdout


def test_many_secrets_are_looked_for_in_much_text_within_seconds():
    secrets = {f"{number:05}{os.urandom(16).hex()}x": "made" for number in range(20_000)}
    line = '{"@timestamp":"2026-01-01T00:00:00Z","message":"http.request","request.id":"%s","url.path":"/api/v1/me"}\n'
    text = "".join(line % os.urandom(16).hex() for _ in range(100_000)) + f"x{next(iter(secrets))}\n"
    began = time.process_time()
    leaks = Finder(secrets, {}).search(text, lambda _: "written")
    assert [leak.excerpt for leak in leaks] == ["x[secret]"]
    assert time.process_time() - began < 5, "a naive search takes minutes"
