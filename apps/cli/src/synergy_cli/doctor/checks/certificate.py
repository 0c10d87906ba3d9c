"""The certificate at the public address."""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, NotSeen, NotUsed, fault, graded, warning

_TIMEOUT_SECONDS = 5.0
_EXPIRED, _OTHER_HOST = 10, 62  # X509_V_ERR_* of OpenSSL
_DAY = 86400


def certificate(facts: Facts) -> Finding:
    """Valid, for this host, for some time yet, and by an authority that browsers know."""
    url = urlsplit(facts.settings.public_url)
    if url.scheme != "https":
        raise NotUsed("the public address is not https")
    return judge(url.hostname or "", url.hostname or "", url.port or 443)


def judge(address: str, host: str, port: int, authority: str | None = None) -> Finding:
    """Look at `address`, as a browser that goes to `host` does; `authority` is a file of certificates to trust."""
    renew = "Renew it (`just tls renew`), or put another one in place."
    try:
        return _lasting(_ask(address, host, port, ssl.create_default_context(cafile=authority)), renew)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            return fault(f"The certificate of {host} has expired.", renew)
        if error.verify_code == _OTHER_HOST:
            return fault(
                f"The certificate is not for {host}.", "Get one for all names of ALLOWED_HOSTS: `just tls init`."
            )
    except OSError as error:
        raise NotSeen(f"{host}:{port} cannot be reached ({error.strerror or type(error).__name__})") from None
    return _by_nobody(address, host, port)


def _by_nobody(address: str, host: str, port: int) -> Finding:
    """Nobody that browsers know has signed it: look at its dates and names all the same."""
    pem = ssl.get_server_certificate((address, port), timeout=_TIMEOUT_SECONDS)
    itself = ssl.create_default_context(cadata=pem)
    itself.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        _ask(address, host, port, itself)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in {_EXPIRED, _OTHER_HOST}:
            what = "has expired" if error.verify_code == _EXPIRED else f"is not for {host}"
            return fault(f"The certificate {what}, and no known authority signed it.", "Get one: `just tls init`.")
    return warning(
        f"No authority that browsers know has signed the certificate of {host}, so they warn.",
        "Get one (`just tls init`), or tell this machine's users to trust yours.",
    )


def _ask(address: str, host: str, port: int, context: ssl.SSLContext) -> float:
    """When it ends."""
    with (
        socket.create_connection((address, port), timeout=_TIMEOUT_SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        told = secured.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(told["notAfter"]))


def _lasting(end: float, renew: str) -> Finding:
    days = (end - time.time()) / _DAY
    return graded(-days, -14, -3, f"The certificate is good for {days:.0f} more days.", renew)
