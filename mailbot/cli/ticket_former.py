"""What a user of this machine did before there were operators, and still does: freeze, release, close, restored."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from mailbot.cli import options, ticket_numbers, ticket_verbs
from mailbot.cli.ticket_text import minute, shown
from mailbot.desk.requests import Action
from mailbot.observe import utc_now

F = TypeVar("F", bound=Callable[..., Any])


def _by(function: F) -> F:
    """``--as`` and ``--reason``: they stand in the ticket's history."""
    who = click.option("--as", "who", metavar="NAME", help="Who decides it; default: the user of this machine.")
    why = click.option("--reason", metavar="TEXT", help="Why; stands in the history of the ticket.")
    return who(why(function))


def _told(who: str | None, reason: str) -> dict[str, str | int]:
    return {"by": shown(who or options.user()), "uid": os.getuid(), "reason": shown(reason)}


@click.command(params=[ticket_numbers.argument()])
@_by
@options.config
def freeze(number: str, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """Stop ticket NUMBER as a user of this machine: the holder telephoned that it is not his. Its mails stay, its link
    is dead. In the name of an operator: stop."""
    from mailbot.service import compose  # not for --help
    from mailbot.tickets import hold

    detail, zgl = _told(who, reason or "the holder telephoned"), _zgl(number)
    with compose.writing(compose.settings(config_file)) as connection:
        if not hold.freeze(connection, zgl, utc_now(), detail):
            raise click.ClickException(f"{number}: no such ticket that changes a login or a password")
    click.echo(f"{zgl}: stopped; the link is dead, the security desk has the ticket")


def _zgl(number: str) -> str:
    from mailbot.tickets import number as numbers

    return numbers.read(number) or number.upper()


def _release(number: str, given: Mapping[str, Any]) -> bool:
    """Where --as names no operator, it is done in the name of a user of this machine. What is left of the hold passes
    first, the mails are written anew, and the link works for its whole life from then."""
    from mailbot.operators import people
    from mailbot.service import compose
    from mailbot.tickets.notice import NoticeWriter
    from mailbot.tickets.release import ReleaseRefused
    from mailbot.tickets.release import release as let_go

    settings, reason, zgl = compose.settings(given["config_file"]), given["reason"], _zgl(number)
    parts = compose.build(settings)
    lifetime = timedelta(hours=settings.activation.lifetime_hours)
    notice = NoticeWriter(
        parts.pipeline.writer, parts.secret, settings.helpdesk.address, settings.helpdesk.verp_separator
    )
    with parts.database.engine.begin() as connection:
        if given["who"] and people.active(connection, given["who"]):
            return False
        _plainly(given)
        done = let_go(connection, zgl, utc_now(), lifetime, notice, _told(given["who"], reason or ""))
        if isinstance(done, ReleaseRefused):
            raise click.ClickException(f"{number}: {done.reason}")
        if not reason or not reason.strip():  # nothing is written
            raise click.UsageError(f'say why {number} may go on; mend: --reason "called back: the request is his"')
    told = f"mails leave from {minute(done.starts)}, the link works until {minute(done.expires_at)}"
    click.echo(f"{zgl}: goes on; {told}")
    return True


def _close(number: str, given: Mapping[str, Any]) -> bool:
    """Without --how and --silence it ends a stopped ticket, in the name of a user of this machine. Nothing of it leaves
    any more, and its login may ask anew."""
    if given["how"] or given["silence"]:
        return False
    from mailbot.service import compose
    from mailbot.tickets import hold

    _plainly(given)
    reason, zgl = given["reason"], _zgl(number)
    with compose.writing(compose.settings(given["config_file"])) as connection:
        if not hold.close(connection, zgl, utc_now(), _told(given["who"], reason or "")):
            raise click.ClickException(
                f"{number}: is not stopped; mend: --how and --silence end any other, --as OPERATOR"
            )
        if not reason or not reason.strip():  # nothing is written
            raise click.UsageError(f'say why {number} ends; mend: --reason "the account was blocked"')
    click.echo(f"{zgl}: closed; its link stays dead")
    return True


def _plainly(given: Mapping[str, Any]) -> None:
    """What only the desk knows is not left unheard."""
    if given["preview"] or given["version"] is not None or given["as_json"]:
        raise click.UsageError("--preview, --version and --json are an operator's; mend: --as OPERATOR")


@click.command()
@click.option("--jump", default=10_000, show_default=True, type=click.IntRange(min=1), help="Numbers to leave out.")
@click.option("--nothing-lost", is_flag=True, help="It was moved, or a server that has everything took over.")
@_by
@options.config
def restored(jump: int, nothing_lost: bool, who: str | None, reason: str | None, config_file: Path | None) -> None:
    """After a restore, before mailbot starts: leave out numbers that were given since, stop what waits. Numbers that
    citizens have since the backup are not given again. Every change of login that waits is stopped, for the word that
    stopped it may be lost; so may that of a first person who had accepted one and took it back.

    With --nothing-lost none of this: mailbot stood still while its tables were moved, or was told by the server's
    administrator that nothing is missing.
    """
    from mailbot import copied
    from mailbot.audit import chain
    from mailbot.desk.perform import drop_first_halves
    from mailbot.operators import sessions
    from mailbot.service import compose
    from mailbot.tickets import hold
    from mailbot.tickets import number as numbers

    settings = compose.settings(config_file)
    now, detail = utc_now(), _told(who, reason or "restored from a backup")
    if nothing_lost:
        if not reason or not reason.strip():
            raise click.UsageError('say why nothing is lost; mend: --reason "moved to db2 while mailbot stood still"')
        with compose.with_store(settings) as (engine, _, _), engine.begin() as connection:
            if copied.lacks_something(connection):
                raise click.ClickException("a process missed what it was answered for; mend: leave out --nothing-lost")
            copied.told(connection)
            by, why = chain.shell(options.user()), shown(reason)
            chain.note(connection, now, by, "nothing-lost", "installation", reason=why)
        click.echo("noted: it is the database of before; nothing was stopped")
        return
    with compose.with_store(settings) as (engine, key, _), engine.begin() as connection:
        first = numbers.lock(connection, settings.tickets.start) + jump
        numbers.advance(connection, first)
        waiting = hold.waiting(connection, now)
        for number in waiting:
            hold.freeze(connection, number, now, detail)
        drop_first_halves(connection, now)
        asked = 0
        if settings.accounts.source == "scim":
            from mailbot.registry import doubt  # what it brings along takes half a second to load

            asked = doubt(connection, key, now)
        copied.told(connection)
        sessions.end_everybody(connection)  # who was let in no more since then would be in again
        chain.note(connection, now, chain.shell(options.user()), "restored", "installation", {"next": first})
    click.echo(f"the next ticket is {numbers.spell(first)}; changes of login stopped: {', '.join(waiting) or 'none'}")
    if asked:
        click.echo(f"changes of login that the registry will be asked for, since they may have been done: {asked}")


release = ticket_verbs.command(Action.RELEASE, "release", _release)
close = ticket_verbs.command(Action.CLOSE, "close", _close)
