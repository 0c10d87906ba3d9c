"""Settings: can they be used, and are they safe."""

from __future__ import annotations

from urllib.parse import urlsplit

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, NotUsed, fault, ok, warning

_DIFFERENT_LETTERS = 12
_HERE = {"localhost", "127.0.0.1", "::1", ""}


def readable(facts: Facts) -> Finding:
    """Every process reads them first and ends when one cannot be used."""
    if facts.settings_faults:
        return fault(
            f"Settings cannot be used, so no process starts: {'; '.join(facts.settings_faults)}.",
            f"Correct them where they are set (environment or .env), then {facts.start}.",
            "process-does-not-start",
        )
    return ok("All settings can be read.")


def production_safe(facts: Facts) -> Finding:
    """What production refuses."""
    if not facts.production:
        raise NotUsed("this is development; --prod looks with production's rules")
    if facts.production_faults:
        return fault(
            f"Production refuses these settings: {'; '.join(facts.production_faults)}.",
            "Correct each of them before users come; docs/deployment.md and .env.example tell how.",
            "process-does-not-start",
        )
    return ok("The settings keep production's rules.")


def secret_key(facts: Facts) -> Finding:
    """It signs every session."""
    keys = facts.settings.secret_keys
    remedy = "Put one that `synergy secret` prints in front of it, and take the old one away when sessions have ended."
    if not keys:
        return fault("There is no SECRET_KEY, so nothing can be signed.", remedy, "process-does-not-start")
    if len(set(keys)) < len(keys):
        return warning("SECRET_KEY lists the same key twice.", "Take one of the two away.")
    if min(len(set(key)) for key in keys) < _DIFFERENT_LETTERS:
        text = "SECRET_KEY has few different characters and may be guessed."
        return fault(text, remedy) if facts.production else warning(text, remedy)
    return ok(f"SECRET_KEY is there ({len(keys)} in use).")


def redis_apart(facts: Facts) -> Finding:
    """One server for both uses would evict queued work."""
    same = facts.settings.same_redis
    if facts.broker is not None and facts.cache is not None:
        # two names may lead to one server, which knows itself
        same = same or facts.broker.get("run_id") == facts.cache.get("run_id")
    if same:
        text = "REDIS_URL and TASKIQ_BROKER_URL lead to the same server, where a full cache evicts queued tasks."
        remedy = "Run a second Redis server and name it in one of the two."
        return fault(text, remedy) if facts.production else warning(text, remedy)
    return ok("Broker and cache are two servers.")


def public_url(facts: Facts) -> Finding:
    """Links in mails begin with it."""
    url = urlsplit(facts.settings.public_url)
    if url.hostname is None or url.scheme not in {"http", "https"}:
        return fault(
            "SYNERGY_PUBLIC_URL is no address.", "Set it to what users type, such as https://work.example.org."
        )
    if facts.production and url.scheme != "https":
        return fault(
            "SYNERGY_PUBLIC_URL is not https, and cookies of production go over HTTPS only: nobody can sign in.",
            "Put a TLS proxy in front and set SYNERGY_PUBLIC_URL to its https address.",
        )
    if facts.production and url.hostname in _HERE:
        return warning(
            "SYNERGY_PUBLIC_URL names this machine itself, so links in mails lead nowhere for others.",
            "Set it to the name that users type, and ALLOWED_HOSTS too.",
        )
    return ok(f"Users come to {url.scheme}://{url.netloc}.")


def secure_cookies(facts: Facts) -> Finding:
    """A browser keeps no `Secure` cookie that came over HTTP from another machine."""
    url = urlsplit(facts.settings.public_url)
    secure = facts.settings.cookies_secure
    if secure and url.scheme == "http" and url.hostname not in _HERE:
        return fault(
            "Cookies are for HTTPS only and SYNERGY_PUBLIC_URL is http, so signing in does not last.",
            "Serve it over HTTPS, or, where nobody else listens on the network, set SESSION_COOKIE_SECURE=false.",
        )
    if not secure and url.scheme == "https":
        return warning(
            "Users come over HTTPS and cookies do not ask for it, so a plain request would give them away.",
            "Set SESSION_COOKIE_SECURE=true.",
        )
    return ok("Cookies fit the public address.")


def allowed_hosts(facts: Facts) -> Finding:
    """Requests for other names are refused."""
    hosts = facts.settings.allowed_hosts
    host = urlsplit(facts.settings.public_url).hostname or ""
    if "*" in hosts:
        if facts.production:
            return fault("ALLOWED_HOSTS is *, so any Host name is believed.", "Name the hosts that users type.")
        return ok("Any host is answered, as is usual in development.")
    if host not in hosts and not any(name.startswith(".") and host.endswith(name) for name in hosts):
        return fault(
            f"ALLOWED_HOSTS lacks {host}, the host of SYNERGY_PUBLIC_URL, so users are refused.",
            "Add it to ALLOWED_HOSTS and start again.",
        )
    return ok(f"Answered hosts: {', '.join(hosts)}.")


def mail_leaves(facts: Facts) -> Finding:
    """Invitations and password links need it."""
    settings = facts.settings
    if facts.production and settings.mail_backend != "smtp":
        return warning(
            f"Mails go to {settings.mail_backend}, so nobody gets an invitation or a link for a new password.",
            "Set EMAIL_BACKEND=smtp, EMAIL_HOST and its companions.",
        )
    if settings.mail_backend == "smtp" and "@localhost" in settings.mail_from:
        return warning(
            "DEFAULT_FROM_EMAIL is an address at localhost, which mail servers refuse.",
            "Set it to an address of your own domain.",
        )
    return ok(f"Mails leave by {settings.mail_backend}.")
