"""What makes settings unusable although each value can be read."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from synergy_platform.settings.declaration import Settings
from synergy_platform.settings.providers import provider_faults

_PLACEHOLDER_SECRETS = ("changeme", "change-me", "secret", "insecure", "placeholder", "example")
_MIN_SECRET_LENGTH = 32

_REDIS_PORT = 6379
_TIME_OR_OFF = re.compile(r"([01]\d|2[0-3]):[0-5]\d|off")
# as browsers write it: they are compared letter by letter
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?")
_DSN = re.compile(r"https?://\w+(?::\w+)?@[^/@\s]+/(?:[^\s?#]+/)?\d+")
_DEFAULT_PORT = re.compile(r"http:.*:80|https:.*:443")


def find_faults(settings: Settings) -> list[str]:
    """A sentence for each fault."""
    return _range_faults(settings) + (production_faults(settings) if settings.is_production else [])


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
        "SYNERGY_SESSION_LIFETIME": settings.session_minutes,
        "SYNERGY_MAX_UPLOAD_MB": settings.max_upload_mb,
        "SYNERGY_MAX_IMPORT_MB": settings.max_import_mb,
        "SYNERGY_DB_POOL_SIZE": settings.db_pool_size,
        "SYNERGY_WORKER_CONCURRENCY": settings.worker_concurrency,
    }
    faults += [f"{name} is {value}: it must be at least 1" for name, value in positive.items() if value < 1]
    faults += [
        f"SECRET_KEY number {place} has {len(key)} characters: at least {_MIN_SECRET_LENGTH} are needed "
        "(`synergy secret` prints one)"
        for place, key in enumerate(settings.secret_keys, 1)
        if len(key) < _MIN_SECRET_LENGTH
    ]
    for name, origins in (
        ("CORS_ALLOWED_ORIGINS", settings.cors_origins),
        ("CSRF_TRUSTED_ORIGINS", settings.csrf_origins),
    ):
        faults += [
            f"{name} has {origin!r}: an origin is written as browsers do, https://host or https://host:port, in lower "
            "case, without a path and without the port that is usual"
            for origin in origins
            if origin != "*" and (not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin))
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
    for name, time in (("SYNERGY_BACKUP_TIME", settings.backup_time), ("SYNERGY_DRILL_TIME", settings.drill_time)):
        if not _TIME_OR_OFF.fullmatch(time):
            faults.append(f"{name} is {time!r}: expected a time such as 02:00, or off")
    if settings.backup_key and len(settings.backup_key) < _MIN_SECRET_LENGTH:
        faults.append(f"SYNERGY_BACKUP_KEY must have {_MIN_SECRET_LENGTH} characters at least")
    if not _is_web_address(settings.public_url):
        faults.append("SYNERGY_PUBLIC_URL must begin with http:// or https:// and name a host")
    faults += _telemetry_faults(settings)
    return faults + provider_faults(settings.oidc_providers, encrypted_only=settings.is_production)


def _telemetry_faults(settings: Settings) -> list[str]:
    """Of where traces and errors are sent."""
    faults: list[str] = []
    if settings.otlp_endpoint and not _is_web_address(settings.otlp_endpoint):
        faults.append("OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https:// and name a host")
    if any("=" not in pair for pair in settings.otlp_headers.split(",") if pair.strip()):
        faults.append("OTEL_EXPORTER_OTLP_HEADERS cannot be read: write name=value, with commas between")
    if not 0 <= settings.traces_sampler_arg <= 1:
        faults.append(f"OTEL_TRACES_SAMPLER_ARG is {settings.traces_sampler_arg}: a share is 0 to 1")
    if settings.sentry_dsn and not _DSN.fullmatch(settings.sentry_dsn):
        faults.append("SENTRY_DSN cannot be read: it looks like https://KEY@HOST/NUMBER, as Sentry shows it")
    return faults


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # a bracket of IPv6 that does not close
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def production_faults(settings: Settings) -> list[str]:
    """What production refuses."""
    faults: list[str] = []
    if settings.debug:
        faults.append("DEBUG must be off in production")
    if not settings.secret_keys:
        faults.append("SECRET_KEY is not set (`synergy secret` prints one)")
    if any(word in key.lower() for key in settings.secret_keys for word in _PLACEHOLDER_SECRETS):
        faults.append("SECRET_KEY is a placeholder: put a random one (`synergy secret` prints one)")
    if "*" in settings.allowed_hosts:
        faults.append("ALLOWED_HOSTS must name the hosts in production, not *")
    if "*" in settings.cors_origins or "*" in settings.csrf_origins:
        faults.append("CORS_ALLOWED_ORIGINS and CSRF_TRUSTED_ORIGINS must name origins, not *")
    if not settings.cookies_secure or settings.csrf_cookie_secure is False:
        faults.append("SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE must be on in production")
    if same_redis(settings.redis_url, settings.broker_url):
        faults.append(
            "REDIS_URL and TASKIQ_BROKER_URL are the same server: a full cache would evict queued tasks; use two"
        )
    return faults


def same_redis(one: str, other: str) -> bool:
    """Whether two addresses name the same server, whatever database of it."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.hostname, first.port or _REDIS_PORT, first.path if first.scheme == "unix" else "") == (
        second.hostname,
        second.port or _REDIS_PORT,
        second.path if second.scheme == "unix" else "",
    )
