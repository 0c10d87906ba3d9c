"""What a process of SynergyOS works with: one container, made at the start and closed at the end."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from synergy_platform.clock import Clock, SystemClock
from synergy_platform.database import Database
from synergy_platform.mail import Mailer, make_mailer
from synergy_platform.pagination import Cursors
from synergy_platform.passwords import PasswordHasher, SharedTurn
from synergy_platform.ratelimit import RateLimiter
from synergy_platform.reporting import FLUSH_SECONDS, flush_reports
from synergy_platform.settings import Settings
from synergy_platform.storage import Storage, make_storage
from synergy_platform.tokens import Keyring
from synergy_platform.tracing import Tracing

if TYPE_CHECKING:
    from synergy_platform.outgoing import Outgoing
    from synergy_platform.pictures import Pictures


class Runtime:
    """Settings, clock and the ports to the outside; a test may hand in a clock, a mailer or a cheaper hasher."""

    def __init__(
        self,
        settings: Settings,
        *,
        application: str,
        clock: Clock | None = None,
        mailer: Mailer | None = None,
        hasher: PasswordHasher | None = None,
        writers: int | None = None,
    ) -> None:
        self.settings = settings
        self.tracing = Tracing(settings, application)
        self.clock = clock or SystemClock()
        self.keyring = Keyring(settings.secret_keys)
        self.cursors = Cursors(self.keyring)
        self.database = Database(settings, self.clock, application=application, writers=writers)
        self.mailer = mailer or make_mailer(settings)
        self.storage: Storage = make_storage(settings)
        self.hasher = hasher or PasswordHasher(turn=SharedTurn.of_server(settings.web_workers))
        self.limiter = RateLimiter(settings.redis_url)

    @cached_property
    def outgoing(self) -> Outgoing:
        """Requests to addresses that users name; only processes that send any load the HTTP client."""
        from synergy_platform.outgoing import Outgoing

        return Outgoing(self.settings)

    @cached_property
    def pictures(self) -> Pictures:
        """Makes small pictures; only processes that are sent some have a thread for it."""
        from synergy_platform.pictures import Pictures

        return Pictures()

    async def open(self) -> None:
        """Open what has to be opened; nothing has to be there yet."""
        self.tracing.open()
        await self.database.open()

    async def close(self) -> None:
        """Close all connections and threads."""
        await self.database.close()
        await self.limiter.close()
        if "outgoing" in self.__dict__:
            await self.outgoing.close()
        if "pictures" in self.__dict__:
            self.pictures.close()
        self.hasher.close()
        # last, for the spans of all that; both at the same time
        await asyncio.gather(self.tracing.close(FLUSH_SECONDS), flush_reports())
