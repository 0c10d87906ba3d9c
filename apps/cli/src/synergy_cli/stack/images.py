"""`pin-images`: the digests of the base images, so that a build always takes the same ones."""

from __future__ import annotations

from synergy_cli.stack.compose import Stack, StackError, say

BASES = {
    "PYTHON_IMAGE": "python:3.13-slim",
    "NODE_IMAGE": "node:24-slim",
    "POSTGRES_IMAGE": "postgres:16",
    "REDIS_IMAGE": "redis:7",
    "NGINX_IMAGE": "nginx:1.30",
    "DEBIAN_IMAGE": "debian:13-slim",
}


def pin_images(stack: Stack) -> None:
    """Write the digest of each base image to .env; StackError, and nothing written, when one cannot be asked."""
    stack.require_init()
    pinned: dict[str, str] = {}
    for name, default in BASES.items():
        tag = stack.setting(name, default).split("@")[0]
        done = stack.docker(
            "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}", capture=True, check=False
        )
        digest = done.stdout.strip()
        if done.returncode != 0 or not digest.startswith("sha256:"):
            raise StackError(f"The registry cannot be asked for {tag}: {done.stderr.strip()}\nNothing was pinned.")
        pinned[name] = f"{tag}@{digest}"
        say(pinned[name])
    stack.save(pinned)
    say("Pinned in .env. `just build` uses them.")
