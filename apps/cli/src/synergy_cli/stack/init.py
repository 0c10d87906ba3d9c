"""`init`: .env with fresh secrets, and the files in secrets/ that the containers read."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from synergy_cli.stack.compose import Stack, StackError, say
from synergy_cli.stack.envfile import read_env, write_env

_OURS, _POSTGRES, _REDIS = 10001, 999, 999  # the users of the images

_HEADER = """\
# SynergyOS on this server. Written by `just init`, which adds what is missing and changes nothing that is here.
# .env.example tells every setting. After a change: `just deploy` (secrets too: it writes secrets/ from this file).
"""


def init(stack: Stack, *, host: str | None) -> None:
    """Write what is missing in .env, then secrets/ from it; safe to run again at any time."""
    present = read_env(stack.env_file)
    host = host or present.get("ALLOWED_HOSTS", "").split(",")[0].strip() or "localhost"
    if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        raise StackError(f"{host!r} is no host name. Write it without https:// and port, such as work.example.org.")
    port = present.get("SYNERGY_HTTPS_PORT") or os.environ.get("SYNERGY_HTTPS_PORT") or "443"
    wanted = {
        "SYNERGY_ENV": "production",
        "SYNERGY_VERSION": version(stack.root),
        "ALLOWED_HOSTS": host,
        "SYNERGY_PUBLIC_URL": f"https://{host}" + ("" if port == "443" else f":{port}"),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DB_SUPERUSER_PASSWORD": secrets.token_urlsafe(24),
        "DB_MIGRATOR_PASSWORD": secrets.token_urlsafe(24),
        "DB_PASSWORD": secrets.token_urlsafe(24),
        "DB_READONLY_PASSWORD": secrets.token_urlsafe(24),
        "DB_BACKUP_PASSWORD": secrets.token_urlsafe(24),
        "REDIS_PASSWORD": secrets.token_urlsafe(24),
        "SYNERGY_BACKUP_KEY": secrets.token_urlsafe(48),
        **_small_machine(),
        **{name: os.environ[name] for name in ("SYNERGY_HTTP_PORT", "SYNERGY_HTTPS_PORT") if os.environ.get(name)},
    }
    missing = {name: value for name, value in wanted.items() if not present.get(name)}
    write_env(stack.env_file, missing, header=_HEADER)
    say(f".env: {', '.join(missing)} added." if missing else ".env: everything is there.")
    write_secrets(stack)
    address = read_env(stack.env_file)["SYNERGY_PUBLIC_URL"]
    say(f"secrets/: written. Next: `docker compose up -d --build --wait`, then {address}")


def _small_machine() -> dict[str, str]:
    """An engine refuses limits above the cores it has."""
    if (os.cpu_count() or 1) > 1:
        return {}
    return dict.fromkeys(("SYNERGY_API_CPUS", "SYNERGY_WORKER_CPUS", "SYNERGY_DB_CPUS"), "1")


def version(root: Path) -> str:
    """The version of this checkout."""
    text = (root / "packages/platform/src/synergy_platform/version.py").read_text()
    match = re.search(r'"([^"]+)"\s*$', text.strip())
    return match[1] if match else "0"


def secret_files(env: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """Owner and text of every file of secrets/ by its name: those that compose.yaml and its overrides name."""
    password = env.get("REDIS_PASSWORD", "")
    roles = {
        "migrator": "DB_MIGRATOR_PASSWORD", "app": "DB_PASSWORD", "readonly": "DB_READONLY_PASSWORD",
        "backup": "DB_BACKUP_PASSWORD",
    }  # fmt: skip
    return {
        "db_superuser_password": (_POSTGRES, env.get("DB_SUPERUSER_PASSWORD", "")),
        "db_passwords": (_POSTGRES, "".join(f"{role}={env.get(name, '')}\n" for role, name in roles.items())),
        "backup_key": (_POSTGRES, env.get("SYNERGY_BACKUP_KEY", "")),
        "backup_secret_key": (_POSTGRES, env.get("SECRET_KEY", "")),
        "backup_heartbeat_url": (_POSTGRES, env.get("SYNERGY_BACKUP_HEARTBEAT_URL", "")),
        "backup_s3_access_key_id": (_POSTGRES, env.get("SYNERGY_BACKUP_S3_ACCESS_KEY_ID", "")),
        "backup_s3_secret_access_key": (_POSTGRES, env.get("SYNERGY_BACKUP_S3_SECRET_ACCESS_KEY", "")),
        "redis_password": (_REDIS, password),
        "secret_key": (_OURS, env.get("SECRET_KEY", "")),
        "db_app_password": (_OURS, env.get("DB_PASSWORD", "")),
        "db_migrator_password": (_OURS, env.get("DB_MIGRATOR_PASSWORD", "")),
        "redis_url": (_OURS, env.get("REDIS_URL") or f"redis://:{password}@cache:6379/0"),
        "broker_url": (
            _OURS,
            env.get("TASKIQ_BROKER_URL") or env.get("CELERY_BROKER_URL") or f"redis://:{password}@broker:6379/0",
        ),
        "result_backend": (_OURS, env.get("TASKIQ_RESULT_BACKEND", "")),
        "email_host_password": (_OURS, env.get("EMAIL_HOST_PASSWORD", "")),
        "oidc_providers": (_OURS, env.get("SYNERGY_OIDC_PROVIDERS", "")),
        "gemini_api_key": (_OURS, env.get("GEMINI_API_KEY", "")),
        "sentry_dsn": (_OURS, env.get("SENTRY_DSN", "")),
        "otlp_headers": (_OURS, env.get("OTEL_EXPORTER_OTLP_HEADERS", "")),
        "s3_access_key_id": (_OURS, env.get("SYNERGY_S3_ACCESS_KEY_ID", "")),
        "s3_secret_access_key": (_OURS, env.get("SYNERGY_S3_SECRET_ACCESS_KEY", "")),
        "alert_webhook_url": (_OURS, env.get("SYNERGY_ALERT_WEBHOOK", "")),
    }


def write_secrets(stack: Stack) -> None:
    """Write every file of secrets/ anew from .env: mode 0400, owned by the user of the container that reads it."""
    env = read_env(stack.env_file)
    needed = ("SECRET_KEY", "DB_PASSWORD", "DB_SUPERUSER_PASSWORD", "REDIS_PASSWORD", "SYNERGY_BACKUP_KEY")
    missing = [name for name in needed if not env.get(name)]
    if missing:
        raise StackError(f".env has no {', '.join(missing)}. `just init` writes what is missing.")
    files = secret_files(env)
    folder = stack.root / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    for name, (_, text) in files.items():
        path = folder / name
        if path.is_dir():  # compose makes folders of files that are not there
            path.rmdir()
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as target:
            target.write(text)
    try:
        for name, (owner, _) in files.items():
            os.chown(folder / name, owner, owner)
    except PermissionError:
        # not root here, but the engine is
        script = "; ".join(f"chown {owner}:{owner} /secrets/{name}" for name, (owner, _) in files.items())
        stack.docker(
            "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "sh",
            "--volume", f"{folder}:/secrets", stack.setting("REDIS_IMAGE", "redis:7"), "-c", script, capture=True,
        )  # fmt: skip
