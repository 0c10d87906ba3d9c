"""Two-factor for the operator: for when nobody can sign in any more who could help."""

from __future__ import annotations

import click


@click.command("reset-mfa")
@click.argument("name", metavar="USERNAME_OR_EMAIL")
def reset_mfa(name: str) -> None:
    """Turn off all second factors of an account whose owner lost them.

    The password is still needed, and a code by mail where the account's role needs a second factor.
    """
    from synergy_cli.main import run_with_runtime
    from synergy_domain.identity import Client, mfa

    username = run_with_runtime(lambda runtime: mfa.reset_by_operator(runtime, name, Client(None, "synergy")))
    click.echo(f"{username} has no second factor any more.", err=True)


@click.command("require-mfa")
@click.argument("roles", nargs=-1, type=click.Choice(["member", "manager", "admin"]))
def require_mfa(roles: tuple[str, ...]) -> None:
    """Have accounts of these global roles need a second factor, and no others; without a role, nobody."""
    import msgspec

    from synergy_cli.main import run_with_runtime
    from synergy_domain.identity import Client, mfa
    from synergy_domain.identity.mfa import MfaRoles
    from synergy_platform.runtime import Runtime

    wanted = msgspec.convert({"roles": list(roles)}, MfaRoles)

    async def work(runtime: Runtime) -> MfaRoles:
        async with runtime.database.unit_of_work() as uow:
            return await mfa.set_required_roles(uow, wanted, Client(None, "synergy"), actor=None)

    told = run_with_runtime(work)
    click.echo(f"A second factor is needed by: {', '.join(told.roles) or 'nobody'}.", err=True)
