"""What attackers send to the proxy: foreign hosts, claimed addresses, ways around the API, malformed requests."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import re
import secrets
import socket
import time

import pytest
from through_proxy import PASSWORD, assert_headers, connect, log_lines, raw, raw_fields, status_of

from synergy_testing.log_schema import fault_of_entry

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
    lab.signed_in().close()  # makes the account
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
        client.get(f"/api/v1/invitations/{marker}")
        client.get(f"/unsubscribe/{marker}")
        client.get(f"/static/x.js?{marker}")
        client.get(f"/{marker}%22%0a%7b?x")
    raw(lab, f"GET /login?{marker} HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n".encode())
    raw(lab, f"GET https://localhost/login?{marker} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    time.sleep(1)
    text = lab.docker("logs", "--since", f"{time.time() - began + 1:.0f}s", lab.containers("proxy")[0]["Id"])
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) >= 9
    needed = {
        "@timestamp", "log.level", "message", "service.name", "request.id", "http.request.method", "http.route",
        "url.path", "http.response.status_code", "event.duration", "client.ip", "user_agent.original",
    }  # fmt: skip
    assert all(needed <= set(entry) for entry in entries)
    assert [fault for entry in entries if (fault := fault_of_entry(entry))] == []
    assert marker in text  # the path of one request
    assert all(marker not in json.dumps(entry) or entry["url.path"].startswith(f"/{marker}") for entry in entries)
    assert any(entry["user_agent.original"] == agent for entry in entries)


# --- what attackers send --------------------------------------------------------------------------------------------


def test_trace_echoes_nothing_and_folders_are_not_listed(lab):
    with lab.client(headers={"Cookie": "a=secret"}) as client:
        for path in ("/", "/api/v1/me", "/static/", "/media/", "/.well-known/acme-challenge/"):
            traced = client.request("TRACE", path)
            assert traced.status_code == 405
            assert "secret" not in traced.text
            listed = client.get(path)
            assert "Index of" not in listed.text
            assert listed.status_code in {200, 302, 401, 403, 404}
        for path in ("/.git/config", "/.env", "/nginx.conf"):
            assert client.get(path).status_code == 404


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
