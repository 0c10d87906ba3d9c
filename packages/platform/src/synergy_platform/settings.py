"""The one typed place that reads the environment.

Every setting is a field below: its type, its default and its sentence for `.env.example`. `load_settings` parses
them once and raises `InvalidSettings` with every fault in one message. Each name may also be given as `NAME_FILE`,
the path of a file that holds the value (container secrets).
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlsplit

import msgspec

EXIT_BAD_SETTINGS = 78  # EX_CONFIG of sysexits.h

PLACEHOLDER_SECRETS = ("changeme", "change-me", "secret", "insecure", "placeholder", "example")
MIN_SECRET_LENGTH = 32

_PREFIX = "SYNERGY_"
_ALIKE = 0.82  # from here on two names are taken for the same word, written with a slip
_REDIS_PORT = 6379


class InvalidSettings(Exception):
    """Some settings cannot be used; `faults` has a sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("Settings cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))


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
    registration: Annotated[
        Literal["", "open", "invite", "closed"],
        _setting("SYNERGY_REGISTRATION", "open, invite or closed; empty: open in development, invite in production"),
    ] = ""
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

    rate_limit_login: Annotated[
        RateLimit,
        _setting(
            "SYNERGY_RATE_LIMIT_LOGIN",
            "sign-ins, by address and account: COUNT/PERIOD, 0 for no limit",
            begins="Limits",
        ),
    ] = RateLimit(5, 300)
    rate_limit_register: Annotated[
        RateLimit, _setting("SYNERGY_RATE_LIMIT_REGISTER", "registrations, by address: COUNT/PERIOD, 0 for no limit")
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
        _setting(
            "SENTRY_DSN",
            "where errors are reported; empty: nowhere",
            secret=True,
            unused="errors are in the logs only; reporting them elsewhere is not there yet",
        ),
    ] = ""

    @property
    def is_production(self) -> bool:
        """Whether production's rules hold."""
        return self.environment != "development"

    @property
    def registration_mode(self) -> Literal["open", "invite", "closed"]:
        """How people may register."""
        return self.registration or ("invite" if self.is_production else "open")

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


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?|https?://\[[0-9A-Fa-f:.]+\](:\d+)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _convert(text: str, target: Any) -> Any:  # noqa: ANN401 - the type is a value here
    """`text` as `target`; ValueError says what was expected."""
    if target is RateLimit:
        if text == "0":
            return RateLimit(0, 1)
        match = re.fullmatch(r"(\d+)/(\d*)([smhd])", text)
        if match is None:
            raise ValueError("expected COUNT/PERIOD such as 5/5m, or 0 for no limit")
        return RateLimit(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])
    if target in {bool, bool | None}:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError("expected true or false")
    if get_origin(target) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(target) is Literal:
        choices = [choice for choice in get_args(target) if choice]
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text
    try:
        return msgspec.convert(text, target, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError("expected a whole number" if target is int else str(error)) from None


def written(value: object) -> str:
    """A setting's value as it stands in the environment."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(str(part) for part in cast("tuple[object, ...]", value))
        case RateLimit(count=0):
            return "0"
        case RateLimit():
            seconds, unit = next(
                (seconds, unit) for unit, seconds in reversed(_UNITS.items()) if value.seconds % seconds == 0
            )
            periods = value.seconds // seconds
            return f"{value.count}/{periods if periods > 1 else ''}{unit}"
        case _:
            return str(value)


def _raw_value(environ: Mapping[str, str], setting: Documented, faults: list[str]) -> str | None:
    for name in (setting.name, *setting.aliases):
        value, path = environ.get(name), environ.get(f"{name}_FILE")
        if value is not None and path is not None:
            faults.append(f"{name} and {name}_FILE are both set: keep one of them")
        if path is not None:
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                faults.append(f"{name}_FILE names {path}, which cannot be read: {error.strerror}")
                return None
        if value is not None:
            return value.strip()
    return None


def _range_faults(settings: Settings) -> list[str]:
    faults: list[str] = []
    for name, value in (
        ("SYNERGY_PORT", settings.port),
        ("SYNERGY_API_PORT", settings.api_port),
        ("DB_PORT", settings.db_port),
    ):
        if not 0 < value < 65536:
            faults.append(f"{name} is {value}: a port is 1 to 65535")
    positive = {
        "WEB_WORKERS": settings.web_workers,
        "SYNERGY_REQUEST_DEADLINE": settings.request_deadline,
        "JWT_ACCESS_TOKEN_LIFETIME": settings.access_token_minutes,
        "JWT_REFRESH_TOKEN_LIFETIME": settings.refresh_token_minutes,
        "SYNERGY_MAX_UPLOAD_MB": settings.max_upload_mb,
        "SYNERGY_MAX_IMPORT_MB": settings.max_import_mb,
        "SYNERGY_DB_POOL_SIZE": settings.db_pool_size,
        "SYNERGY_WORKER_CONCURRENCY": settings.worker_concurrency,
    }
    faults += [f"{name} is {value}: it must be at least 1" for name, value in positive.items() if value < 1]
    faults += [
        f"SECRET_KEY number {place} has {len(key)} characters: at least {MIN_SECRET_LENGTH} are needed "
        "(`synergy secret` prints one)"
        for place, key in enumerate(settings.secret_keys, 1)
        if len(key) < MIN_SECRET_LENGTH
    ]
    for name, origins in (
        ("CORS_ALLOWED_ORIGINS", settings.cors_origins),
        ("CSRF_TRUSTED_ORIGINS", settings.csrf_origins),
    ):
        faults += [
            f"{name} has {origin!r}: an origin is written https://host or https://host:port, without a path"
            for origin in origins
            if origin != "*" and not _ORIGIN.fullmatch(origin)
        ]
    for name, networks in (
        ("SYNERGY_TRUSTED_PROXIES", settings.trusted_proxies),
        ("SYNERGY_WEBHOOK_ALLOWED_NETWORKS", settings.webhook_allowed_networks),
    ):
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                faults.append(f"{name} has {network!r}: expected addresses or networks such as 10.0.0.0/8")
    if urlsplit(settings.public_url).scheme not in {"http", "https"} or not urlsplit(settings.public_url).hostname:
        faults.append("SYNERGY_PUBLIC_URL must begin with http:// or https:// and name a host")
    return faults


def _production_faults(settings: Settings) -> list[str]:
    """What production refuses."""
    faults: list[str] = []
    if settings.debug:
        faults.append("DEBUG must be off in production")
    if not settings.secret_keys:
        faults.append("SECRET_KEY is not set (`synergy secret` prints one)")
    if any(word in key.lower() for key in settings.secret_keys for word in PLACEHOLDER_SECRETS):
        faults.append("SECRET_KEY is a placeholder: put a random one (`synergy secret` prints one)")
    if "*" in settings.allowed_hosts:
        faults.append("ALLOWED_HOSTS must name the hosts in production, not *")
    if "*" in settings.cors_origins or "*" in settings.csrf_origins:
        faults.append("CORS_ALLOWED_ORIGINS and CSRF_TRUSTED_ORIGINS must name origins, not *")
    if not settings.cookies_secure or settings.csrf_cookie_secure is False:
        faults.append("SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE must be on in production")
    if _same_redis(settings.redis_url, settings.broker_url):
        faults.append(
            "REDIS_URL and TASKIQ_BROKER_URL are the same server: a full cache would evict queued tasks; use two"
        )
    return faults


def _same_redis(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    return (first.hostname, first.port or _REDIS_PORT, first.path if first.scheme == "unix" else "") == (
        second.hostname,
        second.port or _REDIS_PORT,
        second.path if second.scheme == "unix" else "",
    )


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    """Names of ours that no setting has but that look like one.

    Others are left alone: the same `.env` serves the proxy, the web app and compose.yaml.
    """
    known = [name for setting in documented_settings() for name in (setting.name, *setting.aliases)]
    ours = {name.removeprefix(_PREFIX): name for name in known if name.startswith(_PREFIX)}
    faults: list[str] = []
    for name in environ:
        word = name.removesuffix("_FILE").removeprefix(_PREFIX)
        if not name.startswith(_PREFIX) or word in ours or name.removeprefix(_PREFIX) in ours:
            continue
        if near := difflib.get_close_matches(word, ours, 1, _ALIKE):
            faults.append(f"{name} is no setting: is {ours[near[0]]} meant?")
    return faults


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read `environ`; raises `InvalidSettings` with every fault, never only the first."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for setting in documented_settings():
        text = _raw_value(environ, setting, faults)
        if text is None or text == "":
            continue
        try:
            values[setting.field] = _convert(text, setting.type)
        except ValueError as error:
            shown = "the value" if setting.secret else repr(text)
            faults.append(f"{setting.name}: {shown} cannot be used: {error}")
    faults += _misspelt(environ)
    settings = Settings(**values)
    faults += _range_faults(settings)
    if settings.is_production:
        faults += _production_faults(settings)
    if faults:
        raise InvalidSettings(faults)
    return settings
