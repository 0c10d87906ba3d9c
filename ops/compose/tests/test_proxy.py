"""What meets a client at the proxy: TLS, routes, files, streams, limits, headers."""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import json
import os
import re
import secrets
import ssl
import threading
import time
import warnings

import httpx
import pytest
from through_proxy import (
    MIB,
    PASSWORD,
    another_proxy,
    assert_headers,
    connect,
    problem,
    raw,
    raw_fields,
    status_of,
    trusting,
)

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
