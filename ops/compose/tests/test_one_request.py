"""One request, followed by its id from the proxy to API, worker and the receiver of a webhook."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from containers import config, container, network_name

RECEIVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print(json.dumps({name.lower(): value for name, value in self.headers.items()}), flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("", 9000), Handler).serve_forever()
"""
TRACE = "5" * 32


@pytest.fixture
def receiver(lab) -> Iterator[tuple[str, str]]:
    """A container on the worker's way out that prints the headers of what it gets, and its address there."""
    name = f"{config(lab)['name']}-receiver"
    network = network_name(lab, "egress")
    image = container(lab, "worker")["Config"]["Image"]
    lab.docker("rm", "--force", name, check=False)
    lab.docker(
        "run", "--detach", "--name", name, "--network", network, "--cap-drop", "ALL", "--entrypoint", "python", image,
        "-c", RECEIVER,
    )  # fmt: skip
    told = json.loads(lab.docker("inspect", name))[0]["NetworkSettings"]["Networks"][network]
    yield name, told["IPAddress"]
    lab.docker("rm", "--force", name)


def test_request_is_followed_by_its_id_from_the_proxy_to_the_receiver_of_a_webhook(lab, receiver):
    name, address = receiver
    request_id = f"followed-{time.time_ns()}"
    with lab.signed_in() as client:
        lab.sql("UPDATE users SET email_verified_at = coalesce(email_verified_at, now())")
        project = lab.new_project(client)
        hook = {"name": "Receiver", "url": f"http://{address}:9000/hook"}
        made = client.post(f"/api/v1/projects/{project}/webhooks", json=hook)
        assert made.status_code == 201, made.text
        answer = client.post(
            f"/api/v1/projects/{project}/tasks",
            json={"title": "Followed"},
            headers={"X-Request-ID": request_id, "traceparent": f"00-{TRACE}-{'6' * 16}-01"},
        )
    assert answer.status_code == 201, answer.text
    assert answer.headers["x-request-id"] == request_id

    def got() -> list[dict[str, str]]:
        told = [json.loads(line) for line in lab.docker("logs", name).splitlines()]
        return [headers for headers in told if headers.get("x-request-id") == request_id]

    lab.wait_for(lambda: len(got()) == 1)
    assert got()[0]["traceparent"][3:35] == TRACE

    def lines() -> list[tuple[str, dict[str, object]]]:
        done = lab.stack("logs", "--no-follow", "--request", request_id, check=False)
        parts = [line.partition("| ") for line in done.stdout.splitlines()]
        return [(container.strip(), json.loads(text)) for container, _, text in parts]

    lab.wait_for(lambda: {"job.done", "webhook.delivered"} <= {str(line["message"]) for _, line in lines()})
    found = lines()
    assert {line["service.name"] for _, line in found} >= {"synergy-proxy", "synergy-api", "synergy-worker"}
    assert {line["request.id"] for _, line in found} == {request_id}
    assert {line["trace.id"] for _, line in found} == {TRACE}
    # in the order of what happened
    messages = [(line["service.name"], line["message"]) for _, line in found]
    assert messages.index(("synergy-api", "http.request")) < messages.index(("synergy-worker", "webhook.delivered"))
    assert messages.index(("synergy-proxy", "http.request")) < messages.index(("synergy-worker", "webhook.delivered"))
    delivered = next(line for _, line in found if line["message"] == "webhook.delivered")
    assert delivered["synergy.status"] == 204
