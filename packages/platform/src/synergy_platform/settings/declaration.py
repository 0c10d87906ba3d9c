"""The declaration of the settings: each is a field with its type, its default and its sentence for `.env.example`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_type_hints
from urllib.parse import quote, urlsplit

import msgspec

from synergy_platform.settings.providers import OidcProvider


class RateLimit(msgspec.Struct, frozen=True):
    """`count` events in `seconds`; a count of 0 means no limit. Written `5/5m`."""

    count: int
    seconds: int


def _setting(
    name: str,
    text: str,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    begins: str = "",
    unused: str = "",
) -> msgspec.Meta:
    """`begins` is the heading of a group whose first setting this is; `unused` says why it steers nothing."""
    extra = {"name": name, "aliases": aliases, "secret": secret, "begins": begins, "unused": unused}
    return msgspec.Meta(description=text, extra=extra)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; times in the unit that the field's name or sentence says."""

    environment: Annotated[
        Literal["development", "staging", "production"],
        _setting(
            "SYNERGY_ENV",
            "development, staging or production; staging has production's rules",
            begins="The instance",
        ),
    ] = "development"
    debug: Annotated[bool, _setting("DEBUG", "more detail in logs; refused in production")] = False
    secret_keys: Annotated[
        tuple[str, ...],
        _setting(
            "SECRET_KEY", "comma-separated, at least 32 characters each: the first signs, all verify", secret=True
        ),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...], _setting("ALLOWED_HOSTS", "comma-separated Host names that are answered; * for any")
    ] = ("*",)

    home: Annotated[
        str, _setting("SYNERGY_HOME", "folder of the embedded services' data", begins="Addresses and processes")
    ] = ".synergy"
    host: Annotated[str, _setting("SYNERGY_HOST", "address that the public port listens on")] = "127.0.0.1"
    port: Annotated[int, _setting("SYNERGY_PORT", "the one public port in the embedded shape")] = 8000
    public_url: Annotated[
        str, _setting("SYNERGY_PUBLIC_URL", "address that users see; links in mails begin with it")
    ] = "http://localhost:8000"
    api_host: Annotated[str, _setting("SYNERGY_API_HOST", "address that the API listens on")] = "127.0.0.1"
    api_port: Annotated[int, _setting("SYNERGY_API_PORT", "port of the API")] = 8001
    web_workers: Annotated[int, _setting("WEB_WORKERS", "processes of the API")] = 1
    request_deadline: Annotated[
        int,
        _setting(
            "SYNERGY_REQUEST_DEADLINE",
            "seconds after which a request is stopped and answered with 504; streams and transfers of files apart",
        ),
    ] = 30
    api_max_mb: Annotated[
        int,
        _setting("SYNERGY_API_MAX_MB", "memory in MiB above which an API process is renewed; 0 for no limit"),
    ] = 0
    trusted_proxies: Annotated[
        tuple[str, ...],
        _setting(
            "SYNERGY_TRUSTED_PROXIES",
            "comma-separated addresses or networks whose X-Forwarded-For and -Proto are believed",
        ),
    ] = ("127.0.0.1", "::1")

    db_name: Annotated[str, _setting("DB_NAME", "database", begins="PostgreSQL")] = "synergyos"
    db_user: Annotated[
        str, _setting("DB_USER", "role that this process signs in as; in compose.yaml each service has its own")
    ] = "synergyos"
    db_password: Annotated[str, _setting("DB_PASSWORD", "its password", secret=True)] = ""
    db_host: Annotated[str, _setting("DB_HOST", "host, or folder of the socket")] = "127.0.0.1"
    db_port: Annotated[int, _setting("DB_PORT", "port")] = 5432
    db_direct_host: Annotated[
        str,
        _setting(
            "DB_DIRECT_HOST", "host for relay, listeners and migrations where DB_HOST is a pooler; empty: DB_HOST"
        ),
    ] = ""
    db_pool_size: Annotated[
        int, _setting("SYNERGY_DB_POOL_SIZE", "connections of one process to the database, at most")
    ] = 5

    redis_url: Annotated[
        str, _setting("REDIS_URL", "cache and rate limits; may be lost at any time", secret=True, begins="Redis, tasks")
    ] = "redis://127.0.0.1:6380/0"
    broker_url: Annotated[
        str, _setting("TASKIQ_BROKER_URL", "task queue", aliases=("CELERY_BROKER_URL",), secret=True)
    ] = "redis://127.0.0.1:6379/0"
    result_backend: Annotated[
        str,
        _setting(
            "TASKIQ_RESULT_BACKEND",
            "where results of tasks would be kept",
            secret=True,
            unused="what a task does is stored in PostgreSQL, and none gives a result; older .env files name it",
        ),
    ] = ""
    worker_concurrency: Annotated[
        int, _setting("SYNERGY_WORKER_CONCURRENCY", "tasks that one worker process runs at a time")
    ] = 4

    heartbeat_file: Annotated[
        str,
        _setting(
            "SYNERGY_HEARTBEAT_FILE",
            "file that worker and scheduler touch while their loop turns, for a container's health check; empty: none",
        ),
    ] = ""

    metrics_port: Annotated[
        int,
        _setting(
            "SYNERGY_METRICS_PORT",
            "port on which API and worker each tell Prometheus their metrics, to anybody; 0: none; `synergy up` gives"
            " the worker the next one",
        ),
    ] = 0

    access_token_minutes: Annotated[
        int, _setting("JWT_ACCESS_TOKEN_LIFETIME", "minutes that an access token is good for", begins="Who may come in")
    ] = 60
    refresh_token_minutes: Annotated[
        int, _setting("JWT_REFRESH_TOKEN_LIFETIME", "minutes that a session lasts without being used")
    ] = 1440
    session_minutes: Annotated[
        int, _setting("SYNERGY_SESSION_LIFETIME", "minutes after which a session ends, however much it is used")
    ] = 43200
    registration: Annotated[
        Literal["", "open", "invite", "closed"],
        _setting("SYNERGY_REGISTRATION", "open, invite or closed; empty: open in development, invite in production"),
    ] = ""
    oidc_providers: Annotated[
        tuple[OidcProvider, ...],
        _setting(
            "SYNERGY_OIDC_PROVIDERS",
            "single sign-on: OpenID Connect providers as a JSON list, which docs/deployment.md shows",
            secret=True,
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...], _setting("CORS_ALLOWED_ORIGINS", "comma-separated origins of web clients elsewhere")
    ] = ()
    csrf_origins: Annotated[
        tuple[str, ...],
        _setting("CSRF_TRUSTED_ORIGINS", "comma-separated origins that may send unsafe requests with cookies"),
    ] = ()
    ssl_redirect: Annotated[bool, _setting("SECURE_SSL_REDIRECT", "the proxy sends HTTP pages to HTTPS")] = False
    session_cookie_secure: Annotated[
        bool | None, _setting("SESSION_COOKIE_SECURE", "session cookies over HTTPS only; empty: yes in production")
    ] = None
    csrf_cookie_secure: Annotated[
        bool | None, _setting("CSRF_COOKIE_SECURE", "kept for older .env files; follows SESSION_COOKIE_SECURE")
    ] = None

    email_backend: Annotated[
        Literal["", "smtp", "folder", "console"],
        _setting(
            "EMAIL_BACKEND",
            "smtp, folder or console; empty: folder in development, smtp in production",
            begins="Mail",
        ),
    ] = ""
    email_host: Annotated[str, _setting("EMAIL_HOST", "SMTP server")] = "localhost"
    email_port: Annotated[int, _setting("EMAIL_PORT", "its port")] = 587
    email_use_tls: Annotated[bool, _setting("EMAIL_USE_TLS", "STARTTLS")] = True
    email_user: Annotated[str, _setting("EMAIL_HOST_USER", "SMTP user; empty: no sign-in")] = ""
    email_password: Annotated[str, _setting("EMAIL_HOST_PASSWORD", "its password", secret=True)] = ""
    email_from: Annotated[str, _setting("DEFAULT_FROM_EMAIL", "sender of mails")] = "SynergyOS <noreply@localhost>"

    max_upload_mb: Annotated[int, _setting("SYNERGY_MAX_UPLOAD_MB", "largest attachment in MiB", begins="Files")] = 50
    max_import_mb: Annotated[int, _setting("SYNERGY_MAX_IMPORT_MB", "largest import file in MiB")] = 128
    media_root: Annotated[
        str, _setting("SYNERGY_MEDIA_ROOT", "folder of uploaded files; empty: media below SYNERGY_HOME")
    ] = ""

    media_accel: Annotated[
        bool,
        _setting(
            "SYNERGY_MEDIA_ACCEL",
            "downloads leave through the proxy's internal location (X-Accel-Redirect) once the API has authorised them",
        ),
    ] = False
    storage: Annotated[
        Literal["disk", "s3"], _setting("SYNERGY_STORAGE", "where uploaded files are kept: disk or s3")
    ] = "disk"
    s3_endpoint: Annotated[
        str, _setting("SYNERGY_S3_ENDPOINT", "address of the S3-compatible server; empty: Amazon's for the region")
    ] = ""
    s3_region: Annotated[str, _setting("SYNERGY_S3_REGION", "its region")] = "us-east-1"
    s3_bucket: Annotated[str, _setting("SYNERGY_S3_BUCKET", "its bucket, which exists already")] = ""
    s3_access_key_id: Annotated[str, _setting("SYNERGY_S3_ACCESS_KEY_ID", "who signs in there", secret=True)] = ""
    s3_secret_access_key: Annotated[
        str, _setting("SYNERGY_S3_SECRET_ACCESS_KEY", "the key that belongs to it", secret=True)
    ] = ""

    backup_dir: Annotated[
        str,
        _setting(
            "SYNERGY_BACKUP_DIR",
            "folder of the backups, best on another disk; empty: backups below SYNERGY_HOME",
            begins="Backups",
        ),
    ] = ""
    backup_key: Annotated[
        str,
        _setting(
            "SYNERGY_BACKUP_KEY",
            "signs what a backup consists of; empty: `synergy up` makes one and keeps it in SYNERGY_HOME",
            secret=True,
        ),
    ] = ""
    backup_time: Annotated[
        str, _setting("SYNERGY_BACKUP_TIME", "when a backup is taken each day, in local time: HH:MM, or off")
    ] = "02:00"
    drill_time: Annotated[
        str, _setting("SYNERGY_DRILL_TIME", "when the last one is restored and compared each day: HH:MM, or off")
    ] = "03:00"
    backup_s3_endpoint: Annotated[
        str,
        _setting("SYNERGY_BACKUP_S3_ENDPOINT", "address of the S3-compatible server that gets a copy; empty: Amazon's"),
    ] = ""
    backup_s3_region: Annotated[str, _setting("SYNERGY_BACKUP_S3_REGION", "its region")] = "us-east-1"
    backup_s3_bucket: Annotated[
        str, _setting("SYNERGY_BACKUP_S3_BUCKET", "its bucket, which exists already; empty: no copy")
    ] = ""
    backup_s3_access_key_id: Annotated[
        str, _setting("SYNERGY_BACKUP_S3_ACCESS_KEY_ID", "who signs in there", secret=True)
    ] = ""
    backup_s3_secret_access_key: Annotated[
        str, _setting("SYNERGY_BACKUP_S3_SECRET_ACCESS_KEY", "the key that belongs to it", secret=True)
    ] = ""
    backup_heartbeat_url: Annotated[
        str,
        _setting(
            "SYNERGY_BACKUP_HEARTBEAT_URL",
            "asked by GET after each good backup, so that somebody notices silence",
            secret=True,
        ),
    ] = ""

    rate_limit_api: Annotated[
        RateLimit,
        _setting(
            "SYNERGY_RATE_LIMIT_API",
            "requests, by user, and by address where nobody is signed in: COUNT/PERIOD, 0 for no limit",
            begins="Limits",
        ),
    ] = RateLimit(600, 60)
    rate_limit_login: Annotated[
        RateLimit,
        _setting("SYNERGY_RATE_LIMIT_LOGIN", "sign-ins, by address and account: COUNT/PERIOD, 0 for no limit"),
    ] = RateLimit(5, 300)
    rate_limit_register: Annotated[
        RateLimit, _setting("SYNERGY_RATE_LIMIT_REGISTER", "registrations, by address: COUNT/PERIOD, 0 for no limit")
    ] = RateLimit(5, 3600)
    rate_limit_mfa: Annotated[
        RateLimit,
        _setting(
            "SYNERGY_RATE_LIMIT_MFA", "codes of the second factor, by address and account: COUNT/PERIOD, 0 for no limit"
        ),
    ] = RateLimit(5, 300)
    rate_limit_forgot: Annotated[
        RateLimit,
        _setting(
            "SYNERGY_RATE_LIMIT_FORGOT",
            "mails that somebody asks for (forgotten password, confirming an address), by address and by recipient:"
            " COUNT/PERIOD, 0 for no limit",
        ),
    ] = RateLimit(3, 3600)
    rate_limit_reset: Annotated[
        RateLimit,
        _setting("SYNERGY_RATE_LIMIT_RESET", "passwords set by a link, by address: COUNT/PERIOD, 0 for no limit"),
    ] = RateLimit(5, 3600)

    webhook_allowed_networks: Annotated[
        tuple[str, ...],
        _setting(
            "SYNERGY_WEBHOOK_ALLOWED_NETWORKS",
            "comma-separated networks of yours that webhooks may go to, as 10.1.0.0/16; else public addresses only",
        ),
    ] = ()

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _setting("SYNERGY_LOG_LEVEL", "debug, info, warning or error", begins="Logs, services elsewhere"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "pretty"], _setting("SYNERGY_LOG_FORMAT", "json, pretty, or auto: pretty on a terminal")
    ] = "auto"
    gemini_api_key: Annotated[
        str,
        _setting(
            "GEMINI_API_KEY", "key of the optional assistant", secret=True, unused="the assistant is not there yet"
        ),
    ] = ""
    sentry_dsn: Annotated[
        str,
        _setting("SENTRY_DSN", "Sentry's address for errors that nobody expected; empty: none is sent", secret=True),
    ] = ""
    otlp_endpoint: Annotated[
        str,
        _setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OpenTelemetry collector that traces go to over OTLP/HTTP, as http://collector:4318; empty: no traces",
        ),
    ] = ""
    otlp_headers: Annotated[
        str,
        _setting(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "headers that the collector wants, as name=value,name=value with percent-encoded values",
            secret=True,
        ),
    ] = ""
    traces_sampler: Annotated[
        Literal[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ],
        _setting(
            "OTEL_TRACES_SAMPLER",
            "which traces are recorded: always_on, always_off, traceidratio (a share of them), or one of these with"
            " parentbased_ before it, which follows what the caller's traceparent says and decides for the others",
        ),
    ] = "parentbased_traceidratio"
    traces_sampler_arg: Annotated[
        float, _setting("OTEL_TRACES_SAMPLER_ARG", "the share of traces that traceidratio records, from 0 to 1")
    ] = 1.0

    @property
    def is_production(self) -> bool:
        """Whether production's rules hold."""
        return self.environment != "development"

    @property
    def registration_mode(self) -> Literal["open", "invite", "closed"]:
        """How people may register."""
        return self.registration or ("invite" if self.is_production else "open")

    @property
    def public_origin(self) -> str:
        """The origin of the pages that users see, as browsers write it."""
        parts = urlsplit(self.public_url.lower())
        port = parts.port if parts.port != {"http": 80, "https": 443}.get(parts.scheme) else None
        return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")

    @property
    def cookies_secure(self) -> bool:
        """Whether session cookies carry `Secure`."""
        return self.is_production if self.session_cookie_secure is None else self.session_cookie_secure

    @property
    def mail_backend(self) -> Literal["smtp", "folder", "console"]:
        """How mail leaves."""
        return self.email_backend or ("smtp" if self.is_production else "folder")

    @property
    def home_path(self) -> Path:
        """`SYNERGY_HOME`, absolute."""
        return Path(self.home).absolute()

    @property
    def media_path(self) -> Path:
        """Folder of uploaded files, absolute."""
        return Path(self.media_root).absolute() if self.media_root else self.home_path / "media"

    @property
    def backup_path(self) -> Path:
        """Folder of the backups, absolute."""
        return Path(self.backup_dir).absolute() if self.backup_dir else self.home_path / "backups"

    def database_url(self, *, direct: bool = False) -> str:
        """Address of the database for asyncpg; `direct` goes around a connection pooler."""
        host = (self.db_direct_host if direct else "") or self.db_host
        credentials = quote(self.db_user, safe="")
        if self.db_password:
            credentials += ":" + quote(self.db_password, safe="")
        if host.startswith("/"):  # a socket's folder cannot stand in the host part
            return f"postgresql://{credentials}@/{quote(self.db_name, safe='')}?host={quote(host)}&port={self.db_port}"
        return f"postgresql://{credentials}@{host}:{self.db_port}/{quote(self.db_name, safe='')}"


class Documented(msgspec.Struct, frozen=True):
    """What `.env.example` and the reader need to know of one setting."""

    field: str
    name: str
    aliases: tuple[str, ...]
    text: str
    secret: bool
    begins: str
    unused: str
    type: Any
    default: Any


def documented_settings() -> list[Documented]:
    """Every setting, in the order of declaration."""
    hints = get_type_hints(Settings, include_extras=True)
    found: list[Documented] = []
    for field in msgspec.structs.fields(Settings):
        bare, meta = cast("tuple[Any, msgspec.Meta]", get_args(hints[field.name])[:2])
        extra = meta.extra or {}
        found.append(
            Documented(
                field.name,
                extra["name"],
                extra["aliases"],
                meta.description or "",
                extra["secret"],
                extra["begins"],
                extra["unused"],
                bare,
                field.default,
            )
        )
    return found
