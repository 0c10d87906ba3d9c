"""Fixtures of the API's tests."""

from __future__ import annotations

import msgspec
import pytest

from synergy_testing.oidc import Browser, FakeProvider


@pytest.fixture
async def provider():
    """A provider of single sign-on that does what the test wants."""
    started = FakeProvider()
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def browsers(api_with, settings):
    """`browsers(providers…, setting=…)` makes browsers of an API with these providers; one of them each call."""
    opened, apps = [], []

    def make_browser(*providers, app=None, **changes):
        if app is None:
            own = {"public_url": "http://synergy.test", "oidc_providers": providers, **changes}
            app = api_with(msgspec.structs.replace(settings, **own))._transport.app
            apps.append(app)
        browser = Browser(app)
        browser.app = app
        opened.append(browser)
        return browser

    yield make_browser
    for browser in opened:
        await browser.http.aclose()
    for app in apps:
        await app.state.runtime.limiter.close()
