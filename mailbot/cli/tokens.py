"""``mailbot tokens``: which other systems may ask the REST API. What is changed here stands in the audit chain."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.model import Role
from mailbot.observe import utc_now
from mailbot.operators import tokens as kept
from mailbot.service import compose
from mailbot.storage.engine import connect, transaction
from mailbot.storage.reading import read_only

_ROLES = click.Choice([role.value for role in kept.ROLES])


@click.group(cls=Group)
def tokens() -> None:
    """Tokens of other systems for the REST API: add, list, revoke."""


@tokens.command()
@click.argument("name")
@click.option("--role", "roles", type=_ROLES, multiple=True, required=True, help="May be given more than once.")
@click.option("--desk", "desks", multiple=True, help="Sees only tickets of this desk; may be repeated. Default: all.")
@click.option("--days", default=365, show_default=True, help="It ends after so many days.")
@click.option("--language", type=click.Choice(["pl", "en"]), default="en", show_default=True, help="Of refusals.")
@options.config
def add(
    name: str, roles: tuple[str, ...], desks: tuple[str, ...], days: int, language: str, config_file: Path | None
) -> None:
    """Make a token for the system NAME, which then acts as api:NAME. Prints it, once: it is kept nowhere."""
    url, chosen = _database(config_file), frozenset(map(Role, roles))
    with transaction(url) as connection:
        try:
            token = kept.add(connection, _by(), name, chosen, frozenset(desks), language, days, utc_now())
        except kept.ApiTokenRefused as error:
            raise click.ClickException(error.reason) from error
    click.echo(f"{name}: token, for {days} days, told this once:", err=True)
    click.echo(token)


@tokens.command()
@click.argument("name")
@options.config
def revoke(name: str, config_file: Path | None) -> None:
    """Let the token of NAME in no more, from this moment on. What it did keeps its name."""
    with transaction(_database(config_file)) as connection:
        try:
            kept.revoke(connection, _by(), name, utc_now())
        except kept.ApiTokenRefused as error:
            raise click.ClickException(error.reason) from error
    click.echo(f"{name}: revoked")


@tokens.command("list")
@options.config
@options.as_json
def list_(config_file: Path | None, as_json: bool) -> None:
    """List the tokens: roles, desks, until when, last used to the minute."""
    now = utc_now()
    with read_only(compose.settings(config_file).database.url) as connection:
        for row in kept.everything(connection):
            if as_json:
                options.line(dict(row))
                continue
            state = "revoked" if row["revoked_at"] else "ended" if row["expires_at"] <= now else "active"
            used = f"{row['used_at']:%Y-%m-%d %H:%M}Z" if row["used_at"] else "never"
            desks = ", ".join(row["desks"]) or "all desks"
            told = f"{', '.join(row['roles'])}; {desks}; until {row['expires_at']:%Y-%m-%d}; used {used}"
            click.echo(f"{row['name']:20} {state:8} {told}")


def _database(config_file: Path | None) -> str:
    """The URL of one that is up to date."""
    settings = compose.settings(config_file)
    engine = connect(settings.database.url)
    compose.key_alone(settings, engine)
    engine.dispose()
    return settings.database.url


def _by() -> str:
    return chain.shell(options.user())
