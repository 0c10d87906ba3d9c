"""The API's commands.

python -m synergy_api                 serve, on Granian, until a signal ends it
python -m synergy_api live | ready    exit with 0 when the API of this machine is; for health checks
python -m synergy_api openapi PATH    write the description of the API
"""

from __future__ import annotations

import os
import sys

from synergy_api.probe import probe
from synergy_platform.crashes import log_crashes

EXIT_USAGE = 64  # EX_USAGE of sysexits.h


def write_description(path: str) -> None:
    """Write the OpenAPI description, as it is committed."""
    import json
    from pathlib import Path

    from synergy_api.app import create_app
    from synergy_api.documentation import describe
    from synergy_platform.runtime import Runtime
    from synergy_platform.settings import Settings

    # nothing is opened, so the secret is never used
    settings = Settings(secret_keys=("only the description is made with this",))
    description = describe(create_app(Runtime(settings, application="synergy-api")))
    Path(path).write_text(json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> int:
    """Run the command that `arguments` name; what it needs is imported then, so that a health check costs little."""
    match arguments:
        case []:
            log_crashes("synergy-api")
            from synergy_api.serving import serve

            return serve(os.environ)
        case ["live" | "ready" as what]:
            return probe(what, os.environ)
        case ["openapi", path]:
            write_description(path)
            return 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return EXIT_USAGE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
