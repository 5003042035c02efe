"""``mailbot operators``: who may come to the desk. What is changed here stands in the audit chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.config import Settings
from mailbot.model import Operator, Role
from mailbot.observe import utc_now
from mailbot.operators import people
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.reading import read_only

_ROLES = click.Choice([role.value for role in Role])
_LANGUAGES = click.Choice(["pl", "en"])


@click.group(cls=Group)
def operators() -> None:
    """Operators of the desk: invite, change, let nobody in any more."""


@operators.command()
@click.argument("name")
@click.option("--display", help="First name and surname, as colleagues see it; default: NAME.")
@click.option("--role", "roles", type=_ROLES, multiple=True, required=True, help="May be given more than once.")
@click.option("--desk", "desks", multiple=True, help="Sees only tickets of this desk; may be repeated. Default: all.")
@click.option("--language", type=_LANGUAGES, default="pl", show_default=True, help="Of the console.")
@click.option("--subject", help="What the provider of OpenID Connect calls them (sub); then they have no password.")
@options.config
def add(
    name: str,
    display: str | None,
    roles: tuple[str, ...],
    desks: tuple[str, ...],
    language: str,
    subject: str | None,
    config_file: Path | None,
) -> None:
    """Invite the operator NAME. Prints a temporary password, once: it is kept nowhere."""
    person = Operator(0, name, display or name, frozenset(map(Role, roles)), frozenset(desks), language)
    settings = _settings(config_file)
    with _refusals(), compose.writing(settings) as connection:
        whole = None if subject is None else _subject(settings, subject)
        temporary = people.add(connection, _by(), person, utc_now(), whole)
    if temporary is None:
        click.echo(f"{name}: logs in with {settings.oidc.issuer}")
    else:
        _tell(name, temporary, settings)


@operators.command()
@click.argument("name")
@options.config
def reset(name: str, config_file: Path | None) -> None:
    """NAME has lost the password or the telephone, or has been disabled: invite anew. Whatever opened before opens
    nothing any more."""
    settings = _settings(config_file)
    with _refusals(), compose.writing(settings) as connection:
        temporary = people.reset(connection, _by(), people.known(connection, name), utc_now())
    _tell(name, temporary, settings)


@operators.command()
@click.argument("name")
@options.config
def disable(name: str, config_file: Path | None) -> None:
    """Let NAME in no more, from this moment on. What they did keeps their name."""
    with _refusals(), compose.writing(_settings(config_file)) as connection:
        people.disable(connection, _by(), people.known(connection, name), utc_now())
    click.echo(f"{name}: disabled")


@operators.command("set")
@click.argument("name")
@click.option("--display", help="First name and surname, as colleagues see it.")
@click.option("--role", "roles", type=_ROLES, multiple=True, help="All of the roles, in place of those before.")
@click.option("--desk", "desks", multiple=True, help="All of the desks, in place of those before.")
@click.option("--all-desks", is_flag=True, help="Sees the tickets of every desk.")
@click.option("--language", type=_LANGUAGES, help="Of the console.")
@click.option("--subject", help="What the provider of OpenID Connect calls them (sub).")
@options.config
def set_(
    name: str,
    display: str | None,
    roles: tuple[str, ...],
    desks: tuple[str, ...],
    all_desks: bool,
    language: str | None,
    subject: str | None,
    config_file: Path | None,
) -> None:
    """Change what NAME may do or see; they log in anew."""
    settings = _settings(config_file)
    with _refusals(), compose.writing(settings) as connection:
        row = people.known(connection, name)
        person = people.of_row(row)
        person = replace(
            person,
            display=display or person.display,
            roles=frozenset(map(Role, roles)) or person.roles,
            desks=frozenset() if all_desks else frozenset(desks) or person.desks,
            language=language or person.language,
        )
        people.change(connection, _by(), row, person, utc_now())
        if subject is not None:
            people.tie(connection, _by(), row, _subject(settings, subject), utc_now())
    click.echo(f"{name}: {', '.join(sorted(person.roles))}; {', '.join(sorted(person.desks)) or 'all desks'}")


@operators.command("list")
@options.config
@options.as_json
def list_(config_file: Path | None, as_json: bool) -> None:
    """List the operators: roles, desks, state."""
    with read_only(compose.settings(config_file).database.url) as connection:
        for row in people.everybody(connection):
            if as_json:
                options.line(dict(row))
            else:
                desks = ", ".join(row["desks"]) or "all desks"
                click.echo(f"{row['name']:20} {row['state']:9} {', '.join(row['roles'])}; {desks}")


def _settings(config_file: Path | None) -> Settings:
    """Those of a database that is up to date."""
    settings = compose.settings(config_file)
    compose.key_alone(settings, connect(settings.database.url))
    return settings


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except people.OperatorRefused as error:
        raise click.ClickException(error.reason) from error


def _by() -> str:
    return chain.shell(options.user())


def _subject(settings: Settings, sub: str) -> str:
    if not settings.oidc.issuer:
        raise click.ClickException("[oidc] issuer: is empty; mend: name the provider, then --subject")
    return people.subject(settings.oidc.issuer, sub)


def _tell(name: str, temporary: str, settings: Settings) -> None:
    click.echo(f"{name}: temporary password, for {settings.console.invite_hours} hours and the first login only:")
    click.echo(f"  {temporary}")
    click.echo(f"  {settings.console.public_url}/login")
