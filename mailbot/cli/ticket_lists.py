"""``mailbot tickets list`` and ``find``: what is to be done, and what a caller speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from mailbot.cli import options
from mailbot.cli.ticket_text import minute, shown
from mailbot.config import Settings
from mailbot.desk import todo
from mailbot.desk.todo import PAGE, ListedTicket, Sort, TodoQuery
from mailbot.installation import reading_addresses
from mailbot.model import Desk, Operator, State
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.storage.reading import read_only
from mailbot.tickets import listing, sla

_NOBODY = Operator(0, "", "", frozenset(), frozenset(), "en")
"""Who looks without a name: whoever has the shell has the database."""

_who = click.option(
    "--as", "who", metavar="OPERATOR", envvar="MAILBOT_OPERATOR", help="Who looks: tickets of their desks alone."
)
_limit = click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")


@click.command("list")
@click.option("--state", help="Only this state, DO_WERYFIKACJI for what waits for a person.")
@click.option("--alarm", is_flag=True, help="Only those warned about or overdue that are not done with.")
@click.option("--open", "open_", is_flag=True, help="What is to be done, by deadline; the next options say it, too.")
@click.option("--by-deadline", is_flag=True, help="The same.")
@click.option("--desk", type=click.Choice([desk.value for desk in Desk if desk]), help="Of this desk.")
@click.option("--mine", is_flag=True, help="Those that OPERATOR has.")
@click.option("--late", is_flag=True, help="Those whose promise is broken.")
@click.option("--why", type=click.Choice([sort.value for sort in Sort]), help="Those that wait for this.")
@_limit
@_who
@options.config
@options.as_json
def list_(
    state: str | None,
    alarm: bool,
    open_: bool,
    by_deadline: bool,
    desk: str | None,
    mine: bool,
    late: bool,
    why: str | None,
    limit: int,
    who: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """List tickets, newest first; or what is to be done, by deadline."""
    chosen = compose.settings(config_file)
    url = chosen.database.url
    if not (open_ or by_deadline or desk or mine or late or why):
        _newest(chosen, state, alarm, limit, as_json)
        return
    if state or alarm:
        raise click.UsageError("--state and --alarm are of the list newest first; mend: --why, or --late")
    if mine and not who:
        raise click.UsageError("--mine: whose? mend: --as OPERATOR, or set MAILBOT_OPERATOR")
    operator = _named(url, who)
    _print(_open(chosen, operator, TodoQuery(Sort(why) if why else None, desk or "", mine, late), limit), as_json)


@click.command()
@click.argument("words", nargs=-1, required=True)
@_limit
@_who
@options.config
@options.as_json
def find(words: tuple[str, ...], limit: int, who: str | None, config_file: Path | None, as_json: bool) -> None:
    """Find tickets by WORDS: a number in any spelling, an address, a day, or a name. A day is 2026-11-30 or 30.11.2026;
    an address and a surname must be whole. Exit code 1: there is none."""
    chosen, said = compose.settings(config_file), " ".join(words)
    found = _found(chosen, _named(chosen.database.url, who), said, limit)
    _print(found, as_json)
    if not found:
        raise click.ClickException(f"{said}: no such ticket; an address and a surname must be whole")


def _named(url: str, who: str | None) -> Operator:
    if not who:
        return _NOBODY
    from mailbot.cli.ticket_acts import acting  # it knows what may be done: not for --help

    return acting(url, who)


def _newest(chosen: Settings, state: str | None, alarm: bool, limit: int, as_json: bool) -> None:
    with read_only(chosen.database.url) as connection, reading_addresses(connection, chosen) as key:
        rows = listing.newest(connection, key, state, limit, alarmed=alarm)
    for row in rows:
        if as_json:
            options.line(row)
        else:
            click.echo(
                f"{row['number']}  {minute(row['opened_at'])}  {_due(row):20}"
                f"  {row['alarm']:7}  {row['state']}  {row['category']}"
            )


def _due(row: Mapping[Any, Any]) -> str:
    if row["state"] in sla.CLOCKLESS:
        return ""
    due = row["reply_by"] if row["state"] == State.OCZEKUJE_NA_KLIENTA else row["promised_at"]
    return f"due {minute(due)}"


def _open(chosen: Settings, operator: Operator, wanted: TodoQuery, limit: int) -> Sequence[ListedTicket]:
    found: list[ListedTicket] = []
    with read_only(chosen.database.url) as connection, reading_addresses(connection, chosen) as key:
        while len(found) < limit:
            page = todo.page(connection, key, operator, wanted, utc_now())
            found += page[:PAGE]
            if len(page) <= PAGE:
                break
            wanted = replace(wanted, after=(page[PAGE - 1].promised_at, page[PAGE - 1].ticket_id))
    return found[:limit]


def _found(chosen: Settings, operator: Operator, said: str, limit: int) -> Sequence[ListedTicket]:
    from mailbot.desk import search

    entries: list[ListedTicket] = []
    with read_only(chosen.database.url) as connection, reading_addresses(connection, chosen) as key:
        after: str | None = ""
        while after is not None and len(entries) < limit:
            found = search.find(connection, key, operator, said, utc_now(), after)
            entries += found.entries
            after = found.after
    return entries[:limit]


def _print(entries: Sequence[ListedTicket], as_json: bool) -> None:
    for entry in entries:
        options.line(asdict(entry)) if as_json else click.echo("  ".join(_columns(entry)))


def _columns(entry: ListedTicket) -> Iterator[str]:
    """Deadline ("!": broken), number, state, desk, who has it, what it is about, why it is here, who wrote."""
    yield f"{'!' if entry.late else ' '} {minute(entry.due) if entry.due else '':16}"
    yield entry.number
    yield f"{entry.state:20}"
    yield f"{entry.desk or '-':10}"
    yield f"{entry.owner or '-':12}"
    yield entry.category
    yield " ".join(word for word in (entry.outcome or "-", entry.rule, entry.reason) if word)
    yield shown(entry.sender or "-").replace("\n", " ")
    if entry.viewers:
        yield f"[open: {', '.join(entry.viewers)}]"
