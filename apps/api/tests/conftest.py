"""Fixtures of the API's tests."""

from __future__ import annotations

import msgspec
import pytest

from synergy_platform.ids import new_id
from synergy_platform.settings import RateLimit
from synergy_testing.fixtures import quick_app
from synergy_testing.granian import serve
from synergy_testing.invitations import Desk
from synergy_testing.oidc import OURS, Browser, FakeProvider

# a fixture that is defined elsewhere
__all__ = ["serve"]


@pytest.fixture
async def provider():
    """A provider of single sign-on that does what the test wants."""
    started = FakeProvider()
    await started.start()
    yield started
    await started.stop()


async def browsers_of(make_app):
    opened = []

    def make_browser(*providers, app=None, **changes):
        # all browsers come from one address
        unlimited = {"rate_limit_api": RateLimit(0, 1)}
        app = app or make_app(**{"public_url": OURS, "oidc_providers": providers, **unlimited, **changes})
        opened.append(Browser(app))
        return opened[-1]

    yield make_browser
    for browser in opened:
        await browser.http.aclose()


@pytest.fixture
async def browsers(api_with, settings):
    """`browsers(provider.config(), setting=…)` makes a browser of an API with that provider, `app=` of the same API."""

    def make_app(**changes):
        return api_with(msgspec.structs.replace(settings, **changes))._transport.app

    async for make_browser in browsers_of(make_app):
        yield make_browser


@pytest.fixture
async def own_browsers(own_runtime):
    """The same on a database of the test's own."""

    def make_app(**changes):
        own_runtime.settings = msgspec.structs.replace(own_runtime.settings, **changes)
        return quick_app(own_runtime)

    async for make_browser in browsers_of(make_app):
        yield make_browser


@pytest.fixture
def victim(provider):
    """What the provider tells about somebody who may have an account."""
    provider.user_info = {"email": f"v{new_id().hex[-10:]}@example.org", "email_verified": True}


@pytest.fixture
async def desk(api, make, runtime) -> Desk:
    return await Desk(api, make, runtime).open()
