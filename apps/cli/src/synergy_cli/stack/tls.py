"""`tls init` and `tls renew`: certificates by ACME, without a moment without one."""

from __future__ import annotations

from synergy_cli.stack.compose import Stack, StackError, say

_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
_PROFILE = "tls"


def tls_init(stack: Stack, *, email: str, staging: bool, server: str | None, insecure: bool) -> None:
    """Get a certificate for every host of ALLOWED_HOSTS and keep it renewed."""
    stack.require_init()
    hosts = [host for host in (part.strip() for part in stack.setting("ALLOWED_HOSTS", "").split(",")) if host]
    names = [host for host in hosts if host not in {"localhost", "*"} and not host.startswith(".")]
    if not names:
        raise StackError(
            "No certificate authority gives a certificate for localhost. Put the public name into ALLOWED_HOSTS and "
            "SYNERGY_PUBLIC_URL (.env), run `just restart api web proxy`, then this again."
        )
    arguments = ["renew-certificates", "init", "--email", email]
    if server or staging:
        arguments += ["--server", server or _STAGING]
    if insecure:
        arguments += ["--no-verify-ssl"]
    arguments += [word for name in names for word in ("--domain", name)]
    say(f"Asking for a certificate for {', '.join(names)}: the authority looks at port 80 of each …")
    stack.compose("--profile", _PROFILE, "run", "--rm", "--no-deps", "-T", "certbot", *arguments)
    profiles = {part for part in stack.setting("COMPOSE_PROFILES", "").split(",") if part}
    stack.save({"COMPOSE_PROFILES": ",".join(sorted(profiles | {_PROFILE}))})
    stack.compose("--profile", _PROFILE, "up", "--detach", "--no-deps", "--no-recreate", "certbot")
    say("The certificate is in place; the proxy takes it within ten seconds. It is renewed by itself.")


def tls_renew(stack: Stack, *, force: bool) -> None:
    """Renew now what is due."""
    stack.require_init()
    more = ("--force-renewal",) if force else ()
    stack.compose(
        "--profile", _PROFILE, "run", "--rm", "--no-deps", "-T", "certbot", "renew-certificates", "once", *more
    )
    say("Done; the proxy takes a new certificate within ten seconds.")
