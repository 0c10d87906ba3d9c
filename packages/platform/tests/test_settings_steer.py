"""Settings that steer the platform: which database, which role, which mail server."""

from __future__ import annotations

import asyncio
import email
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

from synergy_platform.clock import SystemClock
from synergy_platform.database import Database
from synergy_platform.embedded.process import free_port
from synergy_platform.errors import TooManyRequests
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail, MailDelayed, make_mailer
from synergy_platform.ratelimit import RateLimiter
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit, Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIL = Mail(to="ada@example.org", subject="Hello", text="Plain", kind="test", written_at=NOW)


@asynccontextmanager
async def opened(settings):
    database = Database(settings, SystemClock(), application="synergy-test")
    await database.open()
    try:
        yield database
    finally:
        await database.close()


WHO = "SELECT current_database() || ' ' || current_user || ' ' || coalesce(host(inet_server_addr()), 'socket')"


async def test_all_connections_go_where_the_settings_say(own_settings, services):
    role = f"role_{new_id().hex[-12:]}"
    services[0].run_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'its own'")
    settings = msgspec.structs.replace(own_settings, db_user=role, db_password="its own")
    expected = f"{own_settings.db_name} {role} 127.0.0.1"
    async with opened(settings) as database:
        assert await database.reader().value(WHO) == expected
        async with database.unit_of_work() as uow:
            assert await uow.value(WHO) == expected
        direct = await database.connect_directly()
        assert await direct.fetchval(WHO) == expected
        await direct.close()
    for changed in ({"db_password": "not its own"}, {"db_name": "nothing_there"}):
        async with opened(msgspec.structs.replace(settings, **changed)) as database:
            with pytest.raises(asyncpg.PostgresError):
                await database.reader().value(WHO)
    services[0].run_sql(f"DROP ROLE {role}")


async def test_direct_connections_go_around_the_pooler(own_settings):
    """The pooler would be at DB_HOST; here nobody is there."""
    settings = msgspec.structs.replace(own_settings, db_host="127.0.0.2", db_direct_host=own_settings.db_host)
    async with opened(settings) as database:
        direct = await database.connect_directly()
        assert await direct.fetchval(WHO) == f"{own_settings.db_name} {own_settings.db_user} 127.0.0.1"
        await direct.close()
    assert "127.0.0.2" in settings.database_url()


@pytest.mark.parametrize("size", [3, 5])
async def test_process_opens_no_more_connections_than_the_setting_says(own_settings, size):
    name = f"pool-{new_id()}"
    database = Database(msgspec.structs.replace(own_settings, db_pool_size=size), SystemClock(), application=name)
    await database.open()

    async def write() -> None:
        async with database.unit_of_work() as uow:
            await uow.value("SELECT pg_sleep(0.05)")

    reads = (database.reader().value("SELECT pg_sleep(0.05)") for _ in range(20))
    await asyncio.gather(*reads, *(write() for _ in range(20)))
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
    assert await database.reader().value(query, name) == size
    await database.close()


async def test_statements_and_locks_are_waited_for_a_bounded_time(own_runtime):
    query = "SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout')"
    assert await own_runtime.database.reader().value(query) == "15s 2s"
    async with own_runtime.database.unit_of_work() as uow:
        assert await uow.value(query) == "15s 2s"


async def test_redis_password_stands_in_the_address(settings):
    right, once = settings.redis_url, ("test", RateLimit(1, 60), str(new_id()))
    assert re.search(r"redis://:[^@]+@", right)
    one, two, wrong = (RateLimiter(url) for url in (right, right, re.sub(r":[^:@]+@", ":wrong@", right)))
    await one.hit(*once)
    with pytest.raises(TooManyRequests):
        await two.hit(*once)
    await wrong.hit(*once)  # it counts alone
    for limiter in (one, two, wrong):
        await limiter.close()


class Accounts:
    """Lets one account in."""

    def __call__(self, _server, _session, _envelope, _mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"pm", b"let me in"))


@pytest.fixture
def smtp(tmp_path):
    port = free_port()
    controller = Controller(
        Mailbox(str(tmp_path / "box")), hostname="127.0.0.1", port=port, authenticator=Accounts(), auth_required=True,
        auth_require_tls=False,
    )  # fmt: skip
    controller.start()
    yield Settings(email_backend="smtp", email_host="127.0.0.1", email_port=port, email_use_tls=False,
                   email_user="pm", email_password="let me in", email_from="PM <pm@example.org>")  # fmt: skip
    controller.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # what one of the cases is about
async def test_mail_goes_out_as_the_settings_say(smtp, tmp_path):
    await make_mailer(smtp).send(MAIL)
    (received,) = (tmp_path / "box" / "new").iterdir()
    assert email.message_from_bytes(received.read_bytes())["From"] == "PM <pm@example.org>"
    for changed in ({"email_password": "wrong"}, {"email_user": ""}, {"email_use_tls": True}):
        with pytest.raises(MailDelayed):
            await make_mailer(msgspec.structs.replace(smtp, **changed)).send(MAIL)


async def test_home_and_media_folder_are_where_the_settings_say(tmp_path):
    home = Settings(home=str(tmp_path), secret_keys=("k" * 40,))
    assert home.media_path == tmp_path / "media"
    assert msgspec.structs.replace(home, media_root=str(tmp_path / "elsewhere")).media_path == tmp_path / "elsewhere"
    await Runtime(home, application="test").mailer.send(MAIL)
    assert (tmp_path / "mail" / f"{MAIL.id}.eml").exists()
