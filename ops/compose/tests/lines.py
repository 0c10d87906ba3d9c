"""Every line that the containers of a stack write, also those of containers that are replaced meanwhile."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from threading import Thread
from typing import IO, Self

from containers import OURS

from synergy_testing.log_schema import fault_of

_END_SECONDS = 20
_OVERLAP_SECONDS = 2  # a start is told a moment after it
# `docker logs` itself, of a container that was removed before it could be followed
_GONE = "Error response from daemon: can not get logs from container which is dead"


class Lines:
    """Follows each container of a project from its start, into a file of its own: SERVICE-CONTAINER-TIME."""

    def __init__(self, project: str, folder: Path) -> None:
        self._folder = folder
        self._readers: list[subprocess.Popen[bytes]] = []
        told = ("--filter", "type=container", "--filter", "event=start", "--format", "{{json .}}")
        self._events = subprocess.Popen(
            ["docker", "events", "--filter", f"label=com.docker.compose.project={project}", *told],
            stdout=subprocess.PIPE,
        )
        assert self._events.stdout is not None
        self._thread = Thread(target=self._follow, args=(self._events.stdout,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _follow(self, events: IO[bytes]) -> None:
        known: set[str] = set()
        for line in events:
            event = json.loads(line)
            about, container = event["Actor"]["Attributes"], event["Actor"]["ID"]
            # neither a command, which speaks to people, nor what else runs an image of the project
            if about.get("com.docker.compose.oneoff") != "False":
                continue
            again = ["--since", str(event["time"] - _OVERLAP_SECONDS)] if container in known else []
            known.add(container)
            name = f"{about['com.docker.compose.service']}-{container[:12]}-{event['timeNano']}"
            with (self._folder / name).open("wb") as output:
                command = ["docker", "logs", "--follow", *again, container]
                self._readers.append(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))

    def __exit__(self, *_: object) -> None:
        """Once the containers are gone; those that stay are followed no longer."""
        self._events.terminate()
        self._thread.join()
        self._events.communicate()
        for reader in self._readers:
            try:
                reader.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                reader.kill()
                reader.wait()


def assert_lines_fit(folder: Path) -> None:
    """Each line of our processes, and of the proxy's access log, is what ops/log-schema.json says.

    PostgreSQL, Redis and the proxy's error log write as they do, `migrate` to people.
    """
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for path in sorted(folder.iterdir()):
        service = path.name.split("-")[0]
        if service not in (*OURS, "backup", "proxy"):
            continue
        counts[f"containers of {service}"] += 1
        with path.open(errors="replace") as file:
            for line in file:
                if service == "proxy" and not line.startswith("{"):
                    continue
                if line.startswith(_GONE):
                    counts[f"containers of {service} that were gone at once"] += 1
                    continue
                counts[service] += 1
                if fault := fault_of(line):
                    faults.append(f"{service}: {fault}: {line[:300]}")
    print(f"\nlog lines that were held against ops/log-schema.json: {dict(counts)}")
    for service in (*OURS, "backup", "proxy"):
        assert counts[service], f"nothing of {service} was read"
    assert not faults, f"{len(faults)} lines do not fit: " + "\n".join(faults[:20])
