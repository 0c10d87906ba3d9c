"""ID tokens: which are believed."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from synergy_domain.identity.oidc.id_tokens import InvalidIdToken, UnknownKey, check_id_token, read_keys
from synergy_platform.tokens import encode_bytes
from synergy_testing.oidc import sign

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://login.example.org"
CLAIMS = {
    "iss": ISSUER, "sub": "ada", "aud": "synergy", "exp": SECONDS + 300, "iat": SECONDS, "nonce": "n-1",
}  # fmt: skip
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
SIGNERS = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED, "Ed25519": ED}


def published(*keys, **more):
    return read_keys(json.dumps({"keys": [key.as_dict(private=False) | more for key in keys]}).encode())


KEYS = published(RSA, EC, ED)


def check(token, keys=KEYS, access_token=None):
    return check_id_token(
        token, keys, issuer=ISSUER, client_id="synergy", nonce="n-1", access_token=access_token, now=NOW
    )


def token_with(alg="RS256", key=None, header=None, **claims):
    key = key or SIGNERS[alg]
    wanted = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    fields = {"alg": alg, "kid": key.kid, **(header or {})}
    return sign(wanted, key, {name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize("alg", SIGNERS)
def test_token_of_each_algorithm_is_believed(alg):
    token = check(token_with(alg, email="ada@example.org"))
    assert token.subject == "ada"
    assert token.claims["email"] == "ada@example.org"


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS384", "PS512", "HS256", "none"])
def test_other_algorithms_are_refused_whoever_signed(alg):
    key = OctKey.import_key(b"k" * 32) if alg == "HS256" else RSA
    with pytest.raises(InvalidIdToken, match="algorithm"):
        check(token_with(alg, key, {"kid": "rsa"}))


def test_curve_that_is_not_taken_is_refused():
    secp256k1 = ECKey.generate_key("secp256k1", {"kid": "k"})
    with pytest.raises(InvalidIdToken, match="algorithm"):
        check(token_with("ES256K", secp256k1), published(secp256k1))
    assert published(secp256k1, OKPKey.generate_key("Ed448"), OKPKey.generate_key("X25519")) == []


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://login.example.org/"}, "somebody else"),
        ({"iss": "https://LOGIN.example.org"}, "somebody else"),
        ({"iss": None}, "missing"),
        ({"aud": "Synergy"}, "meant for"),
        ({"aud": []}, "meant for"),
        ({"aud": ["other"]}, "meant for"),
        ({"aud": None}, "missing"),
        ({"aud": {"synergy": 1}}, "wrong type"),
        ({"aud": ["synergy", "other"]}, "several audiences"),
        ({"aud": ["synergy", "other"], "azp": "other"}, "given to"),
        ({"azp": "other"}, "given to"),
        ({"exp": SECONDS - 60}, "expired"),
        ({"exp": None}, "missing"),
        ({"exp": str(SECONDS + 300)}, "wrong type"),
        ({"exp": True}, "wrong type"),
        ({"iat": SECONDS + 61}, "another time"),
        ({"iat": SECONDS - 661}, "another time"),
        ({"iat": None}, "missing"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": None}, "missing"),
        ({"nonce": ["n-1"]}, "wrong type"),
        ({"sub": ""}, "subject"),
        ({"sub": "a" * 256}, "subject"),
        ({"sub": "ädä"}, "subject"),
        ({"sub": "a\x00"}, "subject"),
        ({"sub": 7}, "wrong type"),
        ({"sub": None}, "missing"),
    ],
)
def test_token_with_a_wrong_claim_is_refused(claims, reason):
    with pytest.raises(InvalidIdToken, match=reason):
        check(token_with(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["synergy"]},
        {"aud": ["other", "synergy"], "azp": "synergy"},
        {"azp": "synergy"},
        {"exp": SECONDS - 59},
        {"exp": SECONDS + 0.5},
        {"iat": SECONDS + 60},
        {"iat": SECONDS - 660},
        {"sub": "a" * 255},
        {"email": 7, "name": None, "amr": "mfa"},
    ],
)
def test_token_within_the_rules_is_believed(claims):
    assert check(token_with(**claims))


def test_nothing_that_was_signed_may_be_changed():
    head, body, signature = token_with().split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**CLAIMS, "sub": "admin"}).encode()).decode().rstrip("=")
    for token in (f"{head}.{forged}.{signature}", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"):
        with pytest.raises(InvalidIdToken, match="signature"):
            check(token)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "e30.e30.", "bnVsbA.e30.", "x" * 40_000, "\x00.a.b"]
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(InvalidIdToken):
        check(token)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"\xff", b'{"exp": NaN}', b"{}", b'"ada"'])
def test_signed_payload_that_is_no_set_of_claims_is_refused(payload):
    from joserfc import jws

    token = jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, payload, RSA)
    with pytest.raises(InvalidIdToken, match="claims"):
        check(token)


def test_header_fields_that_must_be_understood_are_refused_and_others_passed_over():
    assert check(token_with(header={"typ": "JWT", "x5t": "abc", "made_up": 1}))
    for header in ({"crit": ["made_up"], "made_up": 1}, {"crit": ["b64"], "b64": False}, {"crit": []}):
        with pytest.raises(InvalidIdToken):
            check(token_with(header=header))


# keys


def test_key_is_found_by_its_id_and_fits_its_algorithm():
    stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
    with pytest.raises(InvalidIdToken, match="signature"):
        check(token_with(key=stranger))
    with pytest.raises(UnknownKey):
        check(token_with(header={"kid": "other"}))
    with pytest.raises(UnknownKey):  # a key of another kind under the id
        check(token_with("ES256", header={"kid": "rsa"}))
    with pytest.raises(UnknownKey):  # the key is for another algorithm
        check(token_with("PS256"), published(RSA, alg="RS256"))
    assert check(token_with("PS256"), published(RSA, alg="PS256"))


def test_token_without_a_key_id_is_taken_where_only_one_key_could_have_signed_it():
    assert check(token_with(header={"kid": None}))
    two = published(RSA, RSAKey.generate_key(2048, {"kid": "rsa-2"}))
    with pytest.raises(InvalidIdToken, match="several keys"):
        check(token_with(header={"kid": None}), two)
    with pytest.raises(InvalidIdToken, match="several keys"):
        check(token_with(), published(RSA, RSA))


def test_weak_and_secret_and_other_keys_are_passed_over():
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is what is tested
    shared = OctKey.import_key(b"k" * 32, {"kid": "shared"})
    keys = json.dumps(
        {
            "keys": [
                shared.as_dict(private=True),
                RSA.as_dict(private=False) | {"use": "enc"},
                RSA.as_dict(private=False) | {"key_ops": ["encrypt"]},
                {"kty": "RSA", "e": "AQAB", "n": encode_bytes(weak.public_key().public_numbers().n.to_bytes(128))},
                {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
                {"kty": "made-up"},
                {"kty": 7},
                {},
                EC.as_dict(private=False) | {"x": "AAAA"},
                EC.as_dict(private=False) | {"use": "sig", "key_ops": ["verify"], "x5c": ["MIIB"]},
            ]
        }
    ).encode()
    assert [key.kid for key in read_keys(keys)] == ["ec"]


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [1]}', b"\xff", b'{"keys": null}'])
def test_document_that_is_no_key_set_is_refused(document):
    with pytest.raises(InvalidIdToken):
        read_keys(document)


# at_hash


@pytest.mark.parametrize(("alg", "name"), [("RS256", "sha256"), ("ES256", "sha256"), ("EdDSA", "sha512")])
def test_at_hash_ties_the_access_token(alg, name):
    digest = hashlib.new(name, b"access").digest()
    at_hash = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    assert check(token_with(alg, at_hash=at_hash), access_token="access")
    for other in ("another", None, ""):
        with pytest.raises(InvalidIdToken, match="at_hash"):
            check(token_with(alg, at_hash=at_hash), access_token=other)


def test_at_hash_of_the_standard_is_ours():
    # OpenID Connect Core 1.0, A.3
    assert check(
        token_with(at_hash="77QmUPtjPfzWtF2AnpK9RQ"), access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    )


def test_token_is_no_longer_believed_when_its_time_is_over():
    token = token_with()
    with pytest.raises(InvalidIdToken):
        check_id_token(
            token, KEYS, issuer=ISSUER, client_id="synergy", nonce="n-1", access_token=None,
            now=NOW + timedelta(minutes=6),
        )  # fmt: skip
