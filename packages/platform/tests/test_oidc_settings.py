"""Providers of single sign-on in the settings: every fault is told, no secret is."""

from __future__ import annotations

import json

import pytest

from synergy_platform.settings import InvalidSettings, OidcProvider, load_settings

CORP = {"id": "corp", "name": "Corp", "issuer": "https://login.example.org/realm", "client_id": "synergy"}
PRODUCTION = {
    "SYNERGY_ENV": "production", "SECRET_KEY": "k" * 40, "ALLOWED_HOSTS": "pm.example.org",
    "REDIS_URL": "redis://cache:6379/0", "TASKIQ_BROKER_URL": "redis://broker:6379/0",
}  # fmt: skip


def load(*providers, **environ):
    return load_settings({"SYNERGY_OIDC_PROVIDERS": json.dumps(providers), **environ}).oidc_providers


def faults(*providers, **environ):
    with pytest.raises(InvalidSettings) as caught:
        load(*providers, **environ)
    assert "hunter2" not in str(caught.value)
    return caught.value.faults


def test_nothing_set_means_no_providers():
    assert load_settings({}).oidc_providers == ()


def test_provider_with_the_least_gets_defaults_that_allow_nothing_more():
    assert load(CORP) == (OidcProvider(**CORP),)
    [provider] = load(CORP, **PRODUCTION)
    assert (provider.client_secret, provider.registration, provider.trust_mfa) == ("", False, False)
    assert provider.scopes == ("openid", "email", "profile")


def test_providers_are_read_from_a_file_too(tmp_path):
    path = tmp_path / "providers.json"
    path.write_text(json.dumps([{**CORP, "client_secret": "hunter2", "registration": True}], indent=2))
    [provider] = load_settings({"SYNERGY_OIDC_PROVIDERS_FILE": str(path)}).oidc_providers
    assert (provider.client_secret, provider.registration) == ("hunter2", True)
    assert "hunter2" not in repr(provider)


@pytest.mark.parametrize("text", ["corp", "{}", '"hunter2"', "[hunter2]", "null", "[1", "\udc80"])
def test_what_is_no_list_is_one_fault_that_shows_how_it_is_written(text):
    with pytest.raises(InvalidSettings) as caught:
        load_settings({"SYNERGY_OIDC_PROVIDERS": text})
    [fault] = caught.value.faults
    assert fault.startswith("SYNERGY_OIDC_PROVIDERS: the value cannot be used: expected a JSON list such as")
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"id": "corp"}, "provider 2: Object missing required field"),
        ({**CORP, "client_secret": ["hunter2"]}, "provider 2 (client_secret): Expected str, got array"),
        ({**CORP, "secret": "hunter2"}, "provider 2: Object contains unknown field secret"),
        ({**CORP, "scopes": "openid"}, "provider 2 (scopes): Expected array, got str"),
        ({**CORP, "registration": "yes"}, "provider 2 (registration): Expected bool, got str"),
        ("hunter2", "provider 2: Expected object, got str"),
    ],
)
def test_entry_that_cannot_be_read_is_named_by_its_place(entry, words):
    [fault] = faults({**CORP, "id": "other", "issuer": "https://other.example.org"}, entry)
    assert words in fault


def test_several_entries_that_cannot_be_read_are_told_at_once():
    [fault] = faults({}, {**CORP, "name": 1})
    assert "provider 1" in fault
    assert "provider 2 (name)" in fault


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "Corp"}, "id is 'Corp'"),
        ({"id": ""}, "id is ''"),
        ({"id": "a/b"}, "id is 'a/b'"),
        ({"id": "c" * 41}, "expected 1 to 40"),
        ({"id": "corp\n"}, "expected 1 to 40"),
        ({"name": " "}, "name must have"),
        ({"name": "n" * 61}, "name must have"),
        ({"name": "a\nb"}, "name must have"),
        ({"issuer": "login.example.org"}, "must be an address"),
        ({"issuer": "ftp://login.example.org"}, "must be an address"),
        ({"issuer": "https://"}, "must be an address"),
        ({"issuer": "https://login.example.org:port"}, "is no address"),
        ({"issuer": "https://[::1"}, "is no address"),
        ({"issuer": "https://me@login.example.org"}, "no user name"),
        ({"issuer": "https://login.example.org/?a=1"}, "no user name, query"),
        ({"issuer": "https://login.example.org/#a"}, "no user name, query or fragment"),
        ({"issuer": "https://login.example.org/" + "a" * 500}, "at most 500"),
        ({"issuer": "https://lögin.example.org"}, "must be an address"),
        ({"client_id": ""}, "client_id is missing"),
        ({"client_secret": "hunter2\n"}, "client_secret has characters"),
        ({"scopes": ["email"]}, 'must hold "openid"'),
        ({"scopes": ["openid", "email profile"]}, "words without spaces"),
    ],
)
def test_value_that_no_provider_can_have_is_a_fault(changes, words):
    [fault] = faults({**CORP, **changes})
    assert fault.startswith("SYNERGY_OIDC_PROVIDERS, provider 1: ")
    assert words in fault


def test_providers_of_the_same_id_or_issuer_are_faults():
    assert faults(CORP, CORP) == [
        "SYNERGY_OIDC_PROVIDERS has 'corp' as the id of several providers",
        "SYNERGY_OIDC_PROVIDERS has 'https://login.example.org/realm' as the issuer of several providers",
    ]


def test_production_wants_https():
    plain = {**CORP, "issuer": "http://login.example.org"}
    assert load(plain)
    assert "must begin with https:// in production" in faults(plain, **PRODUCTION)[0]
