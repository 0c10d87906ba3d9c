"""Hostile access, personal and refresh tokens: each is refused, and none is a fault of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from synergy_domain.notifications import unsubscribe_token
from synergy_platform.ids import new_id
from synergy_platform.tokens import JwtSigner, hash_token
from synergy_testing.factories import PASSWORD

# access tokens


class Forge:
    """Makes tokens; it knows the keys of this installation, so that only what is wrong with a token is wrong."""

    def __init__(self, runtime: Any, mine: dict[str, str], other: dict[str, str]) -> None:
        self.runtime, self.mine, self.other = runtime, mine, other
        self.key = runtime.keyring.keys("jwt:access")[0]
        self.now = datetime.now(UTC)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good ones, but for what is changed; None leaves one out."""
        now = int(self.now.timestamp())
        claims = {**self.mine, "aud": "synergyos:access", "iat": now, "exp": now + 600, **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def sign(
        self, claims: object = None, *, header: object = None, key: bytes | None = None, digest: str = "sha256"
    ) -> str:
        """A token of any header and claims, or of texts in their place."""
        parts = [
            {"alg": "HS256", "typ": "JWT"} if header is None else header,
            self.claims() if claims is None else claims,
        ]
        text = b".".join(segment(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in parts)
        return (text + b"." + segment(hmac.digest(self.key if key is None else key, text, digest))).decode()

    def unsigned(self, algorithm: str) -> str:
        """Without a signature."""
        return ".".join(self.sign(header={"alg": algorithm, "typ": "JWT"}).split(".")[:2]) + "."

    def of(self, purpose: str, **claims: Any) -> str:
        """A token of this installation for something else."""
        signer = JwtSigner(self.runtime.keyring, purpose)
        return signer.sign({**self.mine, **claims}, issued_at=self.now, expires_at=self.now + timedelta(hours=1))

    def header_with(self, **fields: Any) -> dict[str, Any]:
        """The usual header and more."""
        return {"alg": "HS256", "typ": "JWT", **fields}


def segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_JWK = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
WRONG = b"w" * 32
NONE = ("none", "None", "NONE", "nOnE", "", "none ")
LATER = 10**10

TOKENS: dict[str, Callable[[Forge], str]] = {
    **{f"algorithm {name}": lambda f, name=name: f.unsigned(name) for name in NONE},
    "algorithm none with a signature": lambda f: f.sign(header={"alg": "none", "typ": "JWT"}),
    "algorithm none by its library": lambda f: jwt.encode(f.claims(), None, algorithm="none"),
    "no algorithm": lambda f: f.sign(header={"typ": "JWT"}),
    "algorithm null": lambda f: f.sign(header={"alg": None}),
    "algorithm as a list": lambda f: f.sign(header={"alg": ["HS256"]}),
    "algorithm as a number": lambda f: f.sign(header={"alg": 256}),
    "algorithm as an object": lambda f: f.sign(header={"alg": {"HS256": 1}}),
    "HS384 with our key": lambda f: f.sign(header={"alg": "HS384"}, digest="sha384"),
    "HS512 with our key": lambda f: f.sign(header={"alg": "HS512"}, digest="sha512"),
    "small hs256": lambda f: f.sign(header={"alg": "hs256"}),
    "RS256": lambda f: jwt.encode(f.claims(), RSA_KEY, algorithm="RS256"),
    "PS256": lambda f: jwt.encode(f.claims(), RSA_KEY, algorithm="PS256"),
    "ES256": lambda f: jwt.encode(f.claims(), EC_KEY, algorithm="ES256"),
    "ES256 of zeros": lambda f: f.sign(header={"alg": "ES256"}).rpartition(".")[0] + "." + segment(bytes(64)).decode(),
    "RS256 called HS256": lambda f: f.sign(key=RSA_JWK["n"].encode()),
    "wrong key": lambda f: f.sign(key=WRONG),
    "empty key": lambda f: f.sign(key=b""),
    "key of zeros": lambda f: f.sign(key=bytes(32)),
    "the secret itself as key": lambda f: f.sign(key=f.runtime.settings.secret_keys[0].encode()),
    "key of another purpose": lambda f: f.sign(key=f.runtime.keyring.keys("jwt:verify-email")[0]),
    "kid of a file": lambda f: f.sign(header=f.header_with(kid="../../../dev/null"), key=b""),
    "kid of SQL": lambda f: f.sign(header=f.header_with(kid="x' UNION SELECT 'secret"), key=b"secret"),
    "kid of a command": lambda f: f.sign(header=f.header_with(kid="|/bin/sleep 9"), key=WRONG),
    "jku": lambda f: f.sign(header=f.header_with(jku="https://evil.example/keys.json"), key=WRONG),
    "x5u": lambda f: f.sign(header=f.header_with(x5u="https://evil.example/cert.pem"), key=WRONG),
    "x5c": lambda f: f.sign(header=f.header_with(x5c=["MIIB"]), key=WRONG),
    "jwk": lambda f: jwt.encode(f.claims(), RSA_KEY, algorithm="RS256", headers={"jwk": RSA_JWK}),
    "jwk of a plain key": lambda f: f.sign(
        header=f.header_with(jwk={"kty": "oct", "k": segment(WRONG).decode()}), key=WRONG
    ),
    "crit of something unknown": lambda f: f.sign(header=f.header_with(crit=["urn:evil"], **{"urn:evil": True})),
    "crit of b64": lambda f: f.sign(header=f.header_with(crit=["b64"], b64=False)),
    "algorithm twice": lambda f: f.sign(header=b'{"alg":"HS256","alg":"none"}', key=WRONG),
    "header is a list": lambda f: f.sign(header=[]),
    "header is a text": lambda f: f.sign(header="HS256"),
    "header is no JSON": lambda f: f.sign(header=b"{"),
    "header is empty": lambda f: f.sign(header=b""),
    "header nested deeply": lambda f: f.sign(header=b"[" * 20_000),
    "header of an object nested deeply": lambda f: f.sign(header=b'{"alg":' * 10_000 + b"1" + b"}" * 10_000),
    "header of bytes": lambda f: f.sign(header=b"\xff\xfe"),
    "verification of an address": lambda f: f.of("verify-email", email="ada@example.org"),
    "device": lambda f: f.of("device", jti=str(new_id())),
    "second factor": lambda f: f.of("mfa"),
    "another audience with our key": lambda f: f.sign(f.claims(aud="synergyos:verify-email")),
    "no audience": lambda f: f.sign(f.claims(aud=None)),
    "audience as a number": lambda f: f.sign(f.claims(aud=7)),
    "audience begins like ours": lambda f: f.sign(f.claims(aud="synergyos:access2")),
    "expired": lambda f: f.sign(f.claims(iat=1, exp=2)),
    "expired this second": lambda f: f.sign(f.claims(exp=int(f.now.timestamp()))),
    "no expiry": lambda f: f.sign(f.claims(exp=None)),
    "expiry as text": lambda f: f.sign(f.claims(exp=str(LATER))),
    "expiry true": lambda f: f.sign(f.claims(exp=True)),
    "expiry as a fraction": lambda f: f.sign(f.claims(exp=LATER + 0.5)),
    "expiry as a list": lambda f: f.sign(f.claims(exp=[LATER])),
    "expiry infinite": lambda f: f.sign(json.dumps(f.claims(exp=float("inf"))).encode()),
    "no time of issue": lambda f: f.sign(f.claims(iat=None)),
    "issued tomorrow": lambda f: f.sign(f.claims(iat=int(f.now.timestamp()) + 86_400, exp=LATER)),
    "time of issue as text": lambda f: f.sign(f.claims(iat="now")),
    "not good before tomorrow": lambda f: f.sign(f.claims(nbf=int(f.now.timestamp()) + 86_400, exp=LATER)),
    "not before as text": lambda f: f.sign(f.claims(nbf="soon")),
    "no subject": lambda f: f.sign(f.claims(sub=None)),
    "subject of another user": lambda f: f.sign(f.claims(sub=f.other["sub"])),
    "session of another user": lambda f: f.sign(f.claims(sid=f.other["sid"])),
    "session that is none": lambda f: f.sign(f.claims(sid=str(new_id()))),
    "no session": lambda f: f.sign(f.claims(sid=None)),
    "subject as a number": lambda f: f.sign(f.claims(sub=1)),
    "subject as an object": lambda f: f.sign(f.claims(sub={"id": f.mine["sub"]})),
    "subject as a list": lambda f: f.sign(f.claims(sub=[f.mine["sub"]])),
    "session as a list": lambda f: f.sign(f.claims(sid=[f.mine["sid"]])),
    "subject in SQL": lambda f: f.sign(f.claims(sub="' OR 1=1 --")),
    "subject nil": lambda f: f.sign(f.claims(sub="00000000-0000-0000-0000-000000000000")),
    "subject of NUL": lambda f: f.sign(f.claims(sub="\x00")),
    "claims are a list": lambda f: f.sign([]),
    "claims are a text": lambda f: f.sign("ada"),
    "claims are null": lambda f: f.sign(b"null"),
    "claims are no JSON": lambda f: f.sign(b"{"),
    "claims nested deeply": lambda f: f.sign(b'{"sub":' + b"[" * 20_000),
    "claims of bytes": lambda f: f.sign(b"\xff\xfe"),
    "no signature": lambda f: f.sign().rpartition(".")[0] + ".",
    "two parts": lambda f: f.sign().rpartition(".")[0],
    "four parts": lambda f: f.sign() + ".x",
    "five parts, as if encrypted": lambda f: f.sign() + ".x.y",
    "signature cut": lambda f: f.sign()[:-2],
    "signature of another": lambda f: f.sign().rpartition(".")[0] + "." + f.sign(f.claims(x=1)).rpartition(".")[2],
    "claims changed": lambda f: ".".join(
        [(parts := f.sign().split("."))[0], segment(json.dumps(f.claims(role="admin")).encode()).decode(), parts[2]]
    ),
    "a sign more in it": lambda f: f.sign().replace(".", ".!", 1),
    "a space in it": lambda f: f.sign().replace(".", ". ", 1),
    "another token behind a comma": lambda f: f"{f.sign(key=WRONG)},{f.sign()}",
    "dots": lambda _: "..",
    "many dots": lambda _: "." * 5_000,
    "a word": lambda _: "null",
    "an enormous one": lambda f: f.sign(f.claims(x="x" * 500_000), key=WRONG),
    "an unsubscribe link": lambda f: unsubscribe_token(f.runtime.keyring, UUID(f.mine["sub"]), "mention"),
}  # fmt: skip


@pytest.fixture
async def forge(make, runtime):
    def who(token: str) -> dict[str, str]:
        claims = jwt.decode(token, options={"verify_signature": False})
        return {name: claims[name] for name in ("sub", "sid")}

    return Forge(
        runtime, who(await make.access_token(await make.user())), who(await make.access_token(await make.user()))
    )


async def test_forged_token_that_has_nothing_wrong_is_taken(api, forge):
    """Or the others would be refused for nothing."""
    answer = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {forge.sign()}"})
    assert answer.json().get("id") == forge.mine["sub"]


@pytest.mark.parametrize("case", TOKENS)
async def test_hostile_access_token_is_refused(api, forge, case):
    token = TOKENS[case](forge)
    answers = [
        await api.anonymous.get("/me", headers={"Authorization": f"Bearer {token}"}),
        await api.anonymous.get("/me", headers={"Cookie": f"synergy_access={token}"}),
        await api.anonymous.post("/auth/email/verify", {"token": token[:1000]}),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 422]
    for answer in answers[:2]:
        assert answer.headers["content-type"] == "application/problem+json"
        assert token not in answer.text or len(token) < 5


# personal tokens, refresh tokens


PERSONAL: dict[str, Callable[[str], str]] = {
    "capitals in front": lambda token: "SYN_" + token[4:],
    "one capital in front": lambda token: "Syn_" + token[4:],
    "all capitals": str.upper,
    "all small": str.lower,
    "without its beginning": lambda token: token[4:],
    "only its beginning": lambda _: "syn_",
    "cut": lambda token: token[:-1],
    "half of it": lambda token: token[: len(token) // 2],
    "what is shown of it": lambda token: token[:12],
    "longer": lambda token: token + "A",
    "padded": lambda token: token + "=",
    "a space in it": lambda token: token[:20] + " " + token[20:],
    "a tab in it": lambda token: token[:20] + "\t" + token[20:],
    "with its scheme": lambda token: "Bearer " + token,
    "in quotes": lambda token: f'"{token}"',
    "hyphen as underscore": lambda token: token.replace("_", "-"),
    "percent-encoded": lambda token: "syn%5F" + token[4:],
    "its hash": lambda token: "syn_" + hash_token(token).hex(),
    "SQL": lambda _: "syn_' OR '1'='1",
    "LIKE": lambda token: token[:12] + "%",
    "an enormous one": lambda token: token + "A" * 100_000,
    "two": lambda token: f"{token},{token}",
}  # fmt: skip


@pytest.mark.parametrize("case", PERSONAL)
async def test_hostile_personal_token_is_refused(api, make, case):
    token = await make.api_token(await make.user(), "read")
    good = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})
    assert good.status_code == 200
    answer = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {PERSONAL[case](token)}"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_token_in_the_place_of_another_kind_is_refused(api, make, forge):
    user = await make.user()
    personal, access = await make.api_token(user, "read", "write"), await make.access_token(user)
    signed_in = await api.anonymous.post("/auth/login", {"identifier": user.username, "password": PASSWORD})
    refresh = signed_in.json()["refresh_token"]
    for token in (refresh, signed_in.json()["device_id"], hashlib.sha256(refresh.encode()).hexdigest()):
        assert (await api.anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    assert (await api.anonymous.get("/me", headers={"Cookie": f"synergy_access={personal}"})).status_code == 401
    for token in (personal, access[:200], forge.of("refresh")[:200], refresh.upper(), refresh[:-1], refresh + " "):
        answer = await api.anonymous.post("/auth/refresh", {"refresh_token": token})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")


async def test_corpus_of_tokens_is_large():
    assert len(TOKENS) >= 80
