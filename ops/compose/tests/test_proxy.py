"""What meets a client at the proxy: TLS, routes, files, streams, limits, headers, logs."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import hashlib
import json
import os
import re
import secrets
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

MIB = 1024 * 1024
PASSWORD = "a quiet river bends twice"
SECURITY_HEADERS = {
    "content-security-policy": r"default-src 'none'.*frame-ancestors 'none'.*",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer|same-origin",
    "permissions-policy": r".*camera=\(\).*",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-request-id": r"[A-Za-z0-9._-]{8,128}",
}
# what tells an attacker something, is obsolete, or may not be there with a self-signed certificate
FORBIDDEN_HEADERS = {"strict-transport-security", "x-xss-protection", "x-powered-by", "x-accel-redirect", "via"}
# lists: a second field adds to the first
LIST_HEADERS = {"vary", "set-cookie", "cache-control", "link"}


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(lab, *, tls: bool = True, context: ssl.SSLContext | None = None) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", lab.https_port if tls else lab.http_port), 20)
    return (context or trusting()).wrap_socket(plain, server_hostname="localhost") if tls else plain


def raw(lab, message: bytes, *, tls: bool = True) -> bytes:
    """What comes back for these bytes, until the proxy closes or says nothing for four seconds."""
    answer = b""
    with contextlib.suppress(OSError), connect(lab, tls=tls) as connection:
        connection.sendall(message)
        connection.settimeout(4)
        while part := connection.recv(65536):
            answer += part
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error of the API or in its name."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert set(told) >= {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


def log_lines(lab, service: str, request_id: str) -> list[dict[str, Any]]:
    """The lines of a service's log about one request, as soon as there is one."""
    deadline = time.monotonic() + 15
    while True:
        text = lab.docker("logs", "--since", "5m", lab.containers(service)[0]["Id"])
        found = [json.loads(line) for line in text.splitlines() if request_id in line]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


@contextlib.contextmanager
def another_proxy(lab, **settings: str) -> Iterator[tuple[int, int]]:
    """A second proxy before the same stack, with other settings; its plain port and its port for TLS."""
    first = lab.containers("proxy")[0]
    (edge,) = first["NetworkSettings"]["Networks"]
    environment = dict(line.split("=", 1) for line in first["Config"]["Env"]) | settings
    words = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    identity = lab.docker(
        "run", "--detach", "--init", "--read-only", "--tmpfs=/tmp", "--cap-drop", "ALL", "--network", edge,
        "--volumes-from", first["Id"], "--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::8443", *words,
        first["Config"]["Image"],
    )  # fmt: skip
    try:
        ports = [int(lab.docker("port", identity, port).rpartition(":")[2]) for port in ("8080/tcp", "8443/tcp")]
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://localhost:{ports[0]}/api/health/live", timeout=5)
                break
            assert time.monotonic() < deadline, lab.docker("logs", identity)
            time.sleep(0.2)
        yield ports[0], ports[1]
    finally:
        lab.docker("rm", "--force", identity)


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_accepted(lab, version):
    context = trusting()
    context.minimum_version = context.maximum_version = version
    with connect(lab, context=context) as connection:
        assert connection.version() == version.name.replace("_", ".")
        assert re.match("TLS_|ECDHE-", connection.cipher()[0])


def test_tls_1_1_is_refused(lab):
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    # the alert is the proxy's own word, not this client's
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
        connect(lab, context=context).close()


def test_http_2_is_chosen_and_spoken(lab):
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(lab, context=context) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        frame = connection.recv(9)
    assert frame[3] == 4  # SETTINGS


def test_certificate_is_self_signed_for_the_host_and_comes_without_hsts(lab):
    certificate = ssl.get_server_certificate(("localhost", lab.https_port))
    context = ssl.create_default_context(cadata=certificate)
    with connect(lab, context=context) as connection:  # verifies the name
        told = connection.getpeercert()
    assert told["issuer"] == told["subject"]
    assert ("DNS", "localhost") in told["subjectAltName"]
    with lab.client() as client:
        assert "strict-transport-security" not in client.get("/login").headers


def test_plain_http_on_the_port_of_tls_is_sent_to_https(lab):
    answer = httpx.get(f"http://localhost:{lab.https_port}/login?next=%2F")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://localhost:{lab.https_port}/login?next=%2F"


def test_plain_port_redirects_pages_refuses_the_api_and_answers_health(lab):
    with httpx.Client(base_url=f"http://localhost:{lab.http_port}") as client:
        page = client.get("/projects/x?q=1")
        assert page.status_code == 308
        assert page.headers["location"] == f"https://localhost:{lab.https_port}/projects/x?q=1"
        told = problem(client.post("/api/v1/auth/login", json={"identifier": "ada"}), 403)
        assert told["code"] == "https_required"
        assert client.get("/api/health/live").status_code == 200
        assert client.get("/api/auth/health/").status_code == 200
        assert client.get("/.well-known/acme-challenge/nothing").status_code == 404


def test_redirect_off_serves_plainly(lab):
    with (
        another_proxy(lab, SECURE_SSL_REDIRECT="false") as (plain, _),
        httpx.Client(base_url=f"http://localhost:{plain}", timeout=30) as client,
    ):
        assert client.get("/login").status_code == 200
        problem(client.get("/api/v1/me"), 401)
        assert "strict-transport-security" not in client.get("/login").headers


# --- what a user does -----------------------------------------------------------------------------------------------


def test_sign_in_and_a_page_with_its_data_are_rendered(lab):
    with lab.signed_in() as api, lab.client(headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        project = lab.new_project(api)
        title = f"Seen in the page {secrets.token_hex(4)}"
        made = api.post(f"/api/v1/projects/{project}/tasks", json={"title": title})
        assert made.status_code == 201
        assert "<form" in browser.get("/login").text
        assert browser.get("/projects").status_code in {302, 303, 307}
        body = {"identifier": "ada", "password": PASSWORD, "deliver": "cookie"}
        answer = browser.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) >= 2
        assert all(re.search("(?i)httponly", each) and re.search("(?i)secure", each) for each in cookies)
        page = browser.get(f"/projects/{project}", follow_redirects=True)
        assert page.status_code == 200
        assert title in page.text
        nonce = re.search(r"'nonce-([^']+)'", page.headers["content-security-policy"])
        assert nonce is not None
        assert nonce[1] in page.text


def test_stream_brings_an_event_unbuffered(lab):
    with lab.signed_in() as client:
        project = lab.new_project(client)
        with client.stream("GET", "/api/v1/events", headers={"Accept-Encoding": "gzip"}) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in stream.headers
            lines = stream.iter_lines()
            next(lines)
            made: list[float] = []

            def change() -> None:
                with lab.signed_in() as other:
                    lab.new_task(other, project)
                    made.append(time.monotonic())

            threading.Thread(target=change).start()
            deadline = time.monotonic() + 40
            while next(lines) != "event: task.created":
                assert time.monotonic() < deadline, "no event came"
            arrived = time.monotonic()
    assert made
    assert arrived - made[0] < 5


@pytest.mark.full
def test_stream_survives_a_quiet_minute(lab):
    with lab.signed_in() as client:
        project = lab.new_project(client)
        with client.stream("GET", "/api/v1/events") as stream:

            def change() -> None:
                with lab.signed_in() as other:
                    lab.new_task(other, project)

            threading.Timer(75, change).start()
            began = time.monotonic()
            for line in stream.iter_lines():
                if '"task.created"' in line and project in line:
                    break
    assert time.monotonic() - began > 70


def test_upload_and_download_of_50_mib(lab):
    content = os.urandom(50 * MIB)
    digest = hashlib.sha256(content).hexdigest()
    with lab.signed_in() as client:
        task = lab.new_task(client)
        began = time.perf_counter()
        answer = client.post(f"/api/v1/tasks/{task}/attachments", files={"file": ("big.bin", content)}, timeout=300)
        uploaded = time.perf_counter() - began
        assert answer.status_code == 201, answer.text
        path = f"/api/v1/attachments/{answer.json()['id']}/content"
        began = time.perf_counter()
        whole = client.get(path, timeout=300)
        downloaded = time.perf_counter() - began
        assert whole.status_code == 200
        assert hashlib.sha256(whole.content).hexdigest() == digest
        assert whole.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in whole.headers["content-security-policy"]
        assert whole.headers["accept-ranges"] == "bytes"
        part = client.get(path, headers={"Range": "bytes=1000-1999"})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(content)}"
        assert part.content == content[1000:2000]
        assert client.get(path, headers={"Range": "bytes=-5"}).content == content[-5:]
        beyond = client.get(path, headers={"Range": f"bytes={len(content)}-"})
        assert beyond.status_code == 416
        same = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert same.status_code == 304
        assert same.content == b""
        with lab.client() as stranger:
            problem(stranger.get(path), 401)
    print(f"\n50 MiB: upload {uploaded:.1f} s, download {downloaded:.1f} s")


def test_body_beyond_its_routes_limit_is_413(lab):
    with lab.signed_in() as client:
        task = lab.new_task(client)
        upload = f"/api/v1/tasks/{task}/attachments"
        too_large = client.post(upload, files={"file": ("big.bin", bytes(52 * MIB))}, timeout=300)
        assert problem(too_large, 413)["code"]
        # the form passes the proxy, the file in it is one byte too large
        by_one = client.post(upload, files={"file": ("big.bin", bytes(50 * MIB + 1))}, timeout=300)
        problem(by_one, 413)
        text = json.dumps({"name": "x" * 2 * MIB})
        headers = {"Content-Type": "application/json"}
        problem(client.post("/api/v1/projects", content=text, headers=headers), 413)
        # without a length told before
        problem(client.post("/api/v1/projects", content=iter([text.encode()] * 2), headers=headers), 413)


def test_imports_take_128_mib_and_not_more(lab):
    with lab.signed_in() as client:
        token = lab.tokens["ada"]

        def announce(length: int, route: str = "/api/v1/imports") -> bytes:
            """What is said to a form of this length when its client waits to be told to go on."""
            head = (
                f"POST {route} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Length: {length}\r\n"
                "Content-Type: multipart/form-data; boundary=b\r\nExpect: 100-continue\r\n\r\n"
            )
            with connect(lab) as connection:
                connection.sendall(head.encode())
                connection.settimeout(15)
                return connection.recv(65536)

        assert status_of(announce(131 * MIB)) == 413
        assert b"problem+json" in announce(131 * MIB)
        assert status_of(announce(128 * MIB + 1000)) == 100
        assert status_of(announce(128 * MIB, "/api/v1/projects")) == 413
        small = client.post("/api/v1/imports", data={"source": "nowhere"}, files={"file": ("board.json", b"{}")})
        problem(small, 422)


@pytest.mark.full
def test_import_of_127_mib_reaches_the_api(lab):
    with lab.signed_in() as client:
        files = {"file": ("board.json", b" " * (127 * MIB))}
        answer = client.post("/api/v1/imports", data={"source": "trello"}, files=files, timeout=600)
    problem(answer, 422)


# --- headers --------------------------------------------------------------------------------------------------------


def assert_headers(fields: list[tuple[str, str]], name: str) -> None:
    names = [field.lower() for field, _ in fields]
    values = {field.lower(): value for field, value in fields}
    for header, pattern in SECURITY_HEADERS.items():
        assert names.count(header) == 1, f"{name}: {header} {names.count(header)} times"
        assert re.fullmatch(pattern, values[header]), f"{name}: {header}: {values[header]}"
    assert not FORBIDDEN_HEADERS & set(names), name
    doubled = {field for field in names if names.count(field) > 1} - LIST_HEADERS
    assert not doubled, f"{name}: {doubled}"
    assert values.get("server", "nginx") == "nginx", name


def raw_fields(answer: bytes) -> list[tuple[str, str]]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return [(line.partition(":")[0], line.partition(":")[2].strip()) for line in lines]


def test_every_route_and_status_has_the_security_headers_once(lab):
    plain = f"http://localhost:{lab.http_port}"
    with lab.signed_in() as client, lab.client() as nobody:
        project = lab.new_project(client)
        task = lab.new_task(client, project)
        made = client.post(f"/api/v1/tasks/{task}/attachments", files={"file": ("a.txt", b"text")})
        content = f"/api/v1/attachments/{made.json()['id']}/content"
        script = re.search(r'/static/[^"]+\.js', nobody.get("/login").text)
        assert script is not None
        tag = nobody.get(script[0]).headers["etag"]
        json_type = {"Content-Type": "application/json"}
        evil = {"Host": "evil.invalid"}
        answers: dict[str, tuple[int, httpx.Response]] = {
            "api 200": (200, client.get("/api/v1/me")),
            "api 201": (201, made),
            "api 400": (400, client.get("/api/v1/projects?nonsense=1")),
            "api 401": (401, nobody.get("/api/v1/me")),
            "api 404": (404, client.get("/api/v1/nothing")),
            "api 404 outside of v1": (404, nobody.get("/api/nothing")),
            "api 405": (405, client.delete("/api/v1/projects")),
            "api 413": (413, client.post("/api/v1/projects", content=bytes(2 * MIB), headers=json_type)),
            "api 415": (415, client.post(f"/api/v1/tasks/{task}/attachments", json={})),
            "api 421": (421, nobody.get("/api/v1/me", headers=evil)),
            "api 422": (422, client.post("/api/v1/projects", json={"name": 1})),
            "api openapi": (200, nobody.get("/api/openapi.json")),
            "api docs": (200, nobody.get("/api/docs")),
            "api docs script": (200, nobody.get("/api/docs/swagger-ui-bundle.js")),
            "health": (200, nobody.get("/api/health/ready")),
            "health 405": (405, nobody.post("/api/health/live")),
            "page 200": (200, nobody.get("/login")),
            "page 302": (302, nobody.get("/projects")),
            "page 404": (404, nobody.get("/nothing/here")),
            "page 421": (421, nobody.get("/login", headers=evil)),
            "static 200": (200, nobody.get(script[0])),
            "static 304": (304, nobody.get(script[0], headers={"If-None-Match": tag})),
            "static 404": (404, nobody.get("/static/nothing-12345678.js")),
            "download 200": (200, client.get(content)),
            "download 206": (206, client.get(content, headers={"Range": "bytes=0-1"})),
            "download 416": (416, client.get(content, headers={"Range": "bytes=99-"})),
            "media 404": (404, client.get("/media/nothing")),
            "s3 404": (404, client.get("/s3/nothing")),
            "plain 308": (308, httpx.get(f"{plain}/login")),
            "plain 403": (403, httpx.get(f"{plain}/api/v1/me")),
            "plain 404": (404, httpx.get(f"{plain}/.well-known/acme-challenge/x")),
            "plain 421": (421, httpx.get(f"{plain}/login", headers=evil)),
            "plain health": (200, httpx.get(f"{plain}/api/health/live")),
            "plain to tls 308": (308, httpx.get(f"http://localhost:{lab.https_port}/")),
        }
        # the limits of sign-in are the API's own
        for _ in range(30):
            body = {"identifier": "limited", "password": "not the password", "deliver": "body"}
            limited = nobody.post("/api/v1/auth/login", json=body)
            if limited.status_code == 429:
                break
        answers["api 429"] = (429, limited)
        with client.stream("GET", "/api/v1/events") as stream:
            answers["events 200"] = (200, stream)
    wrong = {name: answer.status_code for name, (status, answer) in answers.items() if answer.status_code != status}
    if wrong.get("page 302") in {303, 307}:
        del wrong["page 302"]
    assert wrong == {}
    for name, (status, answer) in answers.items():
        assert_headers(answer.headers.multi_items(), name)
        if name.startswith("api 4"):
            problem(answer, status)
    assert "retry-after" in answers["api 429"][1].headers
    for name, message in {
        "400": b"GET / HTTP/1.1\r\n\r\n",
        "414": b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    }.items():
        assert_headers(raw_fields(raw(lab, message)), f"the proxy's own {name}")


def test_stopped_upstreams_are_told_as_503_and_come_back(lab):
    with lab.client() as client:
        assert client.get("/api/health/live").status_code == 200
    lab.compose("stop", "--timeout", "20", "api", "web")
    try:
        with lab.client() as client:
            api = client.get("/api/v1/me")
            page = client.get("/login")
            static = client.get("/static/nothing-12345678.js")
    finally:
        lab.compose("start", "api", "web")
        lab.wait_healthy()
    assert problem(api, 503)["code"] == "unavailable"
    assert page.status_code == 503
    assert "<h1>" in page.text
    assert static.status_code == 503
    for name, answer in {"api": api, "page": page, "static": static}.items():
        assert_headers(answer.headers.multi_items(), f"{name} 503")
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.full
def test_too_many_requests_of_an_address_are_429(lab):
    with another_proxy(lab, SYNERGY_PROXY_REQUESTS_PER_SECOND="1") as (_, port):
        base = f"https://localhost:{port}"

        def ask(count: int) -> list[httpx.Response]:
            with httpx.Client(base_url=base, verify=trusting(), timeout=60) as client:
                return [client.get("/api/v1/nothing") for _ in range(count)]

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            answers = [each for part in threads.map(ask, [160] * 8) for each in part]
        refused = [each for each in answers if each.status_code == 429]
        assert len(answers) - len(refused) >= 1000
        assert problem(refused[0], 429)["code"] == "rate_limited"
        assert refused[0].headers["retry-after"] == "1"
        with httpx.Client(base_url=base, verify=trusting(), timeout=60) as client:
            # one in a second still passes
            page = max((client.get("/login") for _ in range(4)), key=lambda answer: answer.status_code)
            assert client.get("/api/health/live").status_code == 200
        assert page.status_code == 429
        for answer in (refused[0], page):
            assert_headers(answer.headers.multi_items(), "429")


# --- hosts, addresses, ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: evil\r\n", 421),
        (b"GET /api/v1/me HTTP/1.1\r\nHost: evil.invalid:443\r\n", 421),
        (b"GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n", 421),
        (b"GET /login HTTP/1.1\r\nHost: localhost.evil.invalid\r\n", 421),
        (b"GET /login HTTP/1.1\r\nHost: evil.localhost\r\n", 421),
        (b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n", 421),
        (b"GET /login HTTP/1.0\r\n", 421),
        (b"GET /login HTTP/1.1\r\n", 400),
        (b"GET /login HTTP/1.1\r\nHost:\r\n", 421),
        (b"GET /login HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n", 400),
        (b"GET /login HTTP/1.1\r\nHost: evil\r\nHost: localhost\r\n", 400),
        (b"GET /login HTTP/1.1\r\nHost: localhost/evil\r\n", 400),
        (b"GET /login HTTP/1.1\r\nHost: evil@localhost\r\n", 400),
    ],
)
def test_unknown_host_is_refused(lab, tls, message, status):
    answer = raw(lab, message + b"Connection: close\r\n\r\n", tls=tls)
    if message.endswith(b"Host:\r\n"):
        assert status_of(answer) in {400, 421}
    else:
        assert status_of(answer) == status
    assert b"problem+json" in answer


def test_host_of_the_request_line_is_the_one_that_goes_on(lab):
    request_id = f"line-{secrets.token_hex(8)}"
    answer = raw(
        lab,
        b"GET https://localhost/login HTTP/1.1\r\nHost: evil.invalid\r\nConnection: close\r\n"
        + f"X-Request-ID: {request_id}\r\n\r\n".encode(),
    )
    assert status_of(answer) == 200
    assert b"evil" not in answer
    (entry,) = log_lines(lab, "proxy", request_id)
    assert entry["url.domain"] == "localhost"


def test_address_that_a_client_gives_itself_is_not_believed(lab):
    request_id = f"claim-{secrets.token_hex(8)}"
    headers = {
        "X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6;host=evil;proto=http",
        "X-Forwarded-Host": "evil.invalid", "X-Forwarded-Proto": "http", "X-Request-ID": request_id,
    }  # fmt: skip
    with lab.client(headers=headers) as client:
        body = {"identifier": "ada", "password": PASSWORD, "deliver": "body"}
        answer = client.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200
        assert answer.headers["x-request-id"] == request_id
    (proxy,) = log_lines(lab, "proxy", request_id)
    lines = [line for line in log_lines(lab, "api", request_id) if "client.ip" in line]
    assert proxy["client.ip"] not in {"", "6.6.6.6"}
    assert lines
    assert {line["client.ip"] for line in lines} == {proxy["client.ip"]}
    assert lab.sql("SELECT count(*) FROM security_events e WHERE e::text LIKE '%6.6.6.6%'") == "0"
    real = f"SELECT count(*) > 0 FROM security_events e WHERE e::text LIKE '%{proxy['client.ip']}%'"  # noqa: S608 - ours
    assert lab.sql(real) == "t"


def test_request_id_is_made_passed_on_and_the_same_everywhere(lab):
    with lab.client() as client:
        made = client.get("/api/v1/me").headers["x-request-id"]
        again = client.get("/api/v1/me").headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)
        assert made != again
        for bad in ("two words", "short", "x" * 129, '<script>"', "{}"):
            answered = client.get("/api/v1/me", headers={"X-Request-ID": bad}).headers["x-request-id"]
            assert re.fullmatch(r"[0-9a-f]{32}", answered)
        given = client.get("/login", headers={"X-Request-ID": "given-12345"}).headers["x-request-id"]
        assert given == "given-12345"
    assert [entry["request.id"] for entry in log_lines(lab, "proxy", made)] == [made]
    assert {entry["request.id"] for entry in log_lines(lab, "api", made)} == {made}


def test_access_log_is_json_and_has_no_query(lab):
    began = time.time()
    marker = secrets.token_hex(8)
    agent = 'Mozilla "quoted" \\ back\tslash {json} <b>'
    with lab.client(headers={"User-Agent": agent, "Referer": f"https://localhost/?r={marker}"}) as client:
        client.get(f"/login?secret={marker}")
        client.get(f"/api/v1/me?token={marker}")
        client.get(f"/api/v1/events?after={marker}")
        client.get(f"/static/x.js?{marker}")
        client.get(f"/{marker}%22%0a%7b?x")
    raw(lab, f"GET /login?{marker} HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n".encode())
    raw(lab, f"GET https://localhost/login?{marker} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    time.sleep(1)
    text = lab.docker("logs", "--since", f"{time.time() - began + 1:.0f}s", lab.containers("proxy")[0]["Id"])
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) >= 7
    needed = {
        "@timestamp", "log.level", "message", "service.name", "request.id", "http.request.method", "http.route",
        "url.path", "http.response.status_code", "event.duration", "client.ip", "user_agent.original",
    }  # fmt: skip
    assert all(needed <= set(entry) for entry in entries)
    assert marker in text  # the path of one request
    assert all(marker not in json.dumps(entry) or entry["url.path"].startswith(f"/{marker}") for entry in entries)
    assert any(entry["user_agent.original"] == agent for entry in entries)


# --- static files and compression -----------------------------------------------------------------------------------


def test_static_files_are_immutable_and_precompressed(lab):
    with lab.client() as client:
        names = set(re.findall(r'/static/[^"\s]+\.(?:js|css)', client.get("/login").text))
        assert names
        for name in sorted(names)[:5]:
            answer = client.get(name, headers={"Accept-Encoding": "gzip"})
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert re.match("(text/javascript|application/javascript|text/css)", answer.headers["content-type"])
        name = max(names, key=lambda each: int(client.get(each).headers.get("content-length", 0)))
        stored = lab.execute(
            "proxy", "sh", "-c", f"gzip -dc /static-files{name}.gz | sha256sum; stat -c %s /static-files{name}.gz"
        )
        digest, size = stored.split("  -\n")
        with client.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            body = b"".join(answer.iter_raw())
        # the file itself, not compressed anew
        assert len(body) == int(size)
        assert hashlib.sha256(gzip.decompress(body)).hexdigest() == digest
        wrong = re.sub(r"-[^-.]+\.", "-00000000.", name)
        missing = client.get(wrong)
        assert missing.status_code == 404
        assert "immutable" not in missing.headers.get("cache-control", "")


def test_compression_is_for_long_text_and_not_for_secrets(lab):
    gzipped = {"Accept-Encoding": "gzip"}
    with lab.signed_in() as client:
        answer = client.get("/api/openapi.json", headers=gzipped)
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "content-encoding" not in client.get("/api/health/live", headers=gzipped).headers
        for _ in range(3):
            lab.new_project(client)
        assert client.get("/api/v1/projects", headers=gzipped).headers["content-encoding"] == "gzip"
        # long enough to be compressed, were it not for the tokens in it
        name, username = "Ж" * 50, f"long{time.time_ns()}"
        email = f"{'y' * 60}@{'z' * 60}.{username}.example.org"
        words = ["--username", username, "--email", email, "--first-name", name, "--last-name", name]
        lab.stack("create-admin", *words, "--password", "-", stdin=f"{PASSWORD}\n")
        body = {"identifier": username, "password": PASSWORD, "deliver": "body"}
        secret = client.post("/api/v1/auth/login", json=body, headers=gzipped)
        assert secret.status_code == 200
        assert len(secret.content) > 1024
        assert "content-encoding" not in secret.headers


# --- what attackers send --------------------------------------------------------------------------------------------


def test_uploaded_file_cannot_be_reached_around_the_api(lab):
    marker = secrets.token_hex(16)
    with lab.signed_in() as client:
        task = lab.new_task(client)
        made = client.post(f"/api/v1/tasks/{task}/attachments", files={"file": ("a.txt", marker.encode())})
        assert made.status_code == 201
    stored = lab.execute("api", "grep", "-rl", marker, "/media-files").removeprefix("/media-files/")
    assert lab.execute("proxy", "cat", f"/media-files/{stored}") == marker
    spellings = [
        "/media/{}", "/media//{}", "//media/{}", "/MEDIA/{}", "/%6dedia/{}", "/media%2f{}", "/media/./{}",
        "/static/../media/{}", "/static/../media-files/{}", "/static/..%2f..%2fmedia-files%2f{}",
        "/static/%2e%2e/%2e%2e/media-files/{}", "/static/..%252f..%252fmedia-files/{}",
        "/static/..\\..\\media-files\\{}",
        "/static/..%5c..%5cmedia-files/{}", "/static../media-files/{}", "/static../{}", "/media../media-files/{}",
        "/static/..;/media-files/{}", "/api/v1/../../media/{}", "/api/..%2fmedia/{}",
        "/.well-known/acme-challenge/../../media-files/{}",
        "/.well-known/acme-challenge/..%2f..%2fmedia-files/{}", "/s3/{}", "/s3/../media/{}", "/media-files/{}",
        "/%2e%2e/media-files/{}", "/static/%c0%ae%c0%ae/media-files/{}", "/media/{}?x=", "/media/{}%00.txt",
        "/../../media-files/{}",
        "https://localhost/media/{}",
    ]  # fmt: skip
    for spelling in spellings:
        for target in (stored, "../etc/passwd", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd"):
            line = f"GET {spelling.format(target)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            answer = raw(lab, f"{line}X-Accel-Redirect: /media/{stored}\r\n\r\n".encode())
            assert status_of(answer) in {302, 400, 401, 404, 405}, line
            assert marker.encode() not in answer, line
            assert b"root:" not in answer, line


HOST = b"Host: localhost\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
SMUGGLED = b"GET /api/v1/smuggled HTTP/1.1\r\n" + HOST + b"X-Request-ID: SMUGGLED\r\n\r\n"
MALFORMED = {
    "length and chunks": LOGIN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and length": LOGIN + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": LOGIN + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + SMUGGLED,
    "lengths in one field": LOGIN + b"Content-Length: 0, 60\r\n\r\n" + SMUGGLED,
    "negative length": LOGIN + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "signed length": LOGIN + b"Content-Length: +5\r\n\r\nhello" + SMUGGLED,
    "hexadecimal length": LOGIN + b"Content-Length: 0x5\r\n\r\nhello" + SMUGGLED,
    "huge length": LOGIN + b"Content-Length: 99999999999999999999999\r\n\r\n" + SMUGGLED,
    "unknown coding": LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": LOGIN + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding before a colon and a space": LOGIN + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding after a vertical tab": LOGIN + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunk that is no number": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk of negative size": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks in HTTP/1.0": LOGIN.replace(b"/1.1", b"/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded field": b"GET /login HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c: d\r\n\r\n",
    "folded coding": LOGIN + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "carriage return in a field": b"GET /login HTTP/1.1\r\n" + HOST + b"X-A: b\rX-B: c\r\n\r\n",
    "zero byte in a field": b"GET /login HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n",
    "zero byte in the address": b"GET /a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "encoded zero byte": b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n",
    "broken encoding": b"GET /a%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    "field without a name": b"GET /login HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
    "space in the version": b"GET /login HTTP/1.1 x\r\n" + HOST + b"\r\n",
    "version of the future": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "version 2 in words": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "method in small letters": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "trace": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "large field": b"GET /login HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 20000 + b"\r\n\r\n",
    "large cookie": b"GET /login HTTP/1.1\r\n" + HOST + b"Cookie: a=" + b"b" * 40000 + b"\r\n\r\n",
    "many large fields": b"GET /login HTTP/1.1\r\n" + HOST + (b"X-A: " + b"a" * 1000 + b"\r\n") * 99 + b"\r\n",
    "thousands of fields": b"GET /login HTTP/1.1\r\n" + HOST + b"X-A: a\r\n" * 9000 + b"\r\n",
    "long address": b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "no HTTP": b"\x80\x80 nonsense\r\n\r\n",
}  # fmt: skip


def test_malformed_requests_are_refused_and_nothing_is_smuggled(lab):
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        answers = dict(zip(MALFORMED, threads.map(lambda message: raw(lab, message), MALFORMED.values()), strict=True))
    told = {name: [int(each) for each in re.findall(rb"^HTTP/1\.1 (\d{3})", answer, re.MULTILINE)]
            for name, answer in answers.items()}  # fmt: skip
    wrong = {name: statuses for name, statuses in told.items() if len(statuses) != 1 or not 400 <= statuses[0] < 500}
    assert wrong == {}
    assert {told[name][0] for name in ("large field", "large cookie", "many large fields")} == {431}
    assert told["long address"] == [414]
    for name, answer in answers.items():
        assert_headers(raw_fields(answer), name)
    since = f"{time.time() - began + 5:.0f}s"
    for service in ("proxy", "api"):
        assert "smuggled" not in lab.docker("logs", "--since", since, lab.containers(service)[0]["Id"]).lower()


def test_bare_line_feeds_end_one_request_only(lab):
    message = b"GET /api/health/live HTTP/1.1\nHost: localhost\nX-A: b\n\n"
    answer = raw(lab, message)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 ") == 1


def test_fields_that_a_client_asks_to_drop_stay(lab):
    request_id = f"hop-{secrets.token_hex(8)}"
    message = f"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {request_id}\r\n"
    answer = raw(lab, f"{message}Connection: close, X-Forwarded-For, X-Request-ID, Host\r\n\r\n".encode())
    assert status_of(answer) == 401
    (entry,) = [line for line in log_lines(lab, "api", request_id) if "client.ip" in line]
    assert entry["client.ip"] == log_lines(lab, "proxy", request_id)[0]["client.ip"]


@pytest.mark.full
def test_slow_client_is_cut_off(lab):
    with connect(lab) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /login HTTP/1.1\r\n" + HOST)
        connection.settimeout(1)
        answer = None
        # a byte a second never ends a field
        while answer is None and time.monotonic() - began < 60:
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1000)
                break
            try:
                connection.sendall(b"X")
            except OSError:
                answer = b""
    took = time.monotonic() - began
    assert answer is not None
    assert b" 200 " not in answer
    assert 10 < took < 55


def test_many_idle_connections_leave_room_for_others(lab):
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", lab.https_port), 20)
            stack.enter_context(connection)
        with lab.client() as client:
            assert client.get("/api/health/live").status_code == 200


def test_proxy_has_the_open_files_that_its_connections_need(lab):
    limit = lab.execute("proxy", "sh", "-c", "ulimit -n")
    configured = lab.execute("proxy", "sh", "-c", "nginx -T -c /etc/nginx/synergy/nginx.conf 2>/dev/null")
    connections = re.search(r"worker_connections (\d+);", configured)
    assert connections is not None
    assert int(connections[1]) == 16384
    # an engine may give less than nginx asks for
    assert int(limit) > int(connections[1])
    for expected in (
        "least_conn;", "valid=5s", "resolve max_fails=0;", "keepalive 64;", "ssl_protocols TLSv1.2 TLSv1.3;",
        "proxy_next_upstream error timeout;", "server_tokens off;",
    ):  # fmt: skip
        assert expected in configured
