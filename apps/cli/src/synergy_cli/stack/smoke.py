"""`smoke`: what a user meets first, asked through the proxy."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from synergy_cli.stack.compose import Stack, StackError, say

_HEADERS = (
    "content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy", "permissions-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "x-request-id",
)  # fmt: skip
_NO_ANSWER = (OSError, http.client.HTTPException, ValueError, KeyError)


class _Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()


def _ask(stack: Stack, path: str, *, tls: bool = True, name: str = "") -> _Answer:
    """Ask the proxy of this machine, by the public name unless another is given."""
    host = name or urlsplit(stack.setting("SYNERGY_PUBLIC_URL", "https://localhost")).hostname or "localhost"
    port = stack.count("SYNERGY_HTTPS_PORT", 443) if tls else stack.count("SYNERGY_HTTP_PORT", 80)
    # the certificate may be self-signed, and this asks the machine itself, not the name
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=15, context=trusting)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    )
    try:
        connection.request("GET", path, headers={"Host": host, "Accept": "*/*"})
        return _Answer(connection.getresponse())
    finally:
        connection.close()


def unwell(stack: Stack) -> str:
    """What the system says of itself through the proxy when it is not well; empty when every part is."""
    try:
        answer = _ask(stack, "/api/auth/health/")
        if json.loads(answer.body)["status"] == "healthy":
            return ""
    except _NO_ANSWER as error:
        return f"no answer through the proxy ({error})"
    return answer.body.decode(errors="replace")[:300]


def smoke(stack: Stack) -> None:
    """Ask; StackError names everything that is not as it should be."""
    stack.require_init()
    ask = partial(_ask, stack)
    checks: list[tuple[str, Callable[[], bool]]] = [
        ("the API is ready", lambda: ask("/api/health/ready").status == 200),
        ("every part is well", lambda: not unwell(stack)),
        ("the sign-in page is rendered", lambda: b"<html" in ask("/login").body),
        ("the API wants a sign-in", lambda: ask("/api/v1/me").status == 401),
        ("its errors are problem+json", lambda: "problem+json" in ask("/api/v1/me").headers["content-type"]),
        ("security headers on a page", lambda: all(name in ask("/login").headers for name in _HEADERS)),
        ("security headers on an error", lambda: all(name in ask("/api/nothing").headers for name in _HEADERS)),
        ("uploaded files are not open", lambda: ask("/media/x").status == 404),
        ("an unknown host is refused", lambda: ask("/", name="evil.invalid").status == 421),
    ]
    if stack.switch("SECURE_SSL_REDIRECT", default=True):
        checks += [
            ("plain pages go to HTTPS", lambda: ask("/", tls=False).status == 308),
            ("the API refuses plain HTTP", lambda: ask("/api/v1/me", tls=False).status == 403),
        ]
    failed: list[str] = []
    for sentence, check in checks:
        try:
            fine, reason = check(), ""
        except _NO_ANSWER as error:
            fine, reason = False, f" ({error})"
        say(f"{'ok  ' if fine else 'FAIL'} {sentence}{reason}")
        if not fine:
            failed.append(sentence)
    if failed:
        raise StackError(f"{len(failed)} of {len(checks)} checks failed: {'; '.join(failed)}. `just logs` tells more.")
