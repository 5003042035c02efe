"""``mailbot rules replay``: what another rule set would have decided about the mail that lies in the database."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailbot.cli import options
from mailbot.errors import MailbotError
from mailbot.observe import utc_now

if TYPE_CHECKING:
    from mailbot.config import Settings
    from mailbot.tickets.decisions import StoredDecision
    from mailbot.trial.replaying import ReplayedDecisions

_ERROR = 2


@click.command()
@options.since("7d")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path, file_okay=False), help="The other rule set.")
@click.option("--limit", type=click.IntRange(1), help="At most so many mails, the newest.")
@click.option("--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--stored-facts", is_flag=True, help="Open no mail: topic, service, faq and language as recorded.")
@options.config
@options.as_json
def replay(
    since: timedelta,
    rules_dir: Path | None,
    limit: int | None,
    jobs: int,
    stored_facts: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Decide stored mail again with another rule set, by default the one in use, and show the differences.

    Read anew from the mails: topic, service, faq, language. Everything else is taken as it was recorded: sender,
    subject, account, limits, tickets, notices, signatures, formal defects, the virus scanner's word. So a change of
    limits.yaml, calendar.yaml, notices.yaml or signatures.yaml does not show here, nor does a change of wording.
    Nothing is written.

    Exit code 0: no difference; 1: differences; 2: it could not be done.
    """
    from mailbot.service import compose  # what decides: not for --help
    from mailbot.trial.simulator import chosen

    try:
        settings = chosen(compose.settings(config_file), rules_dir, None, None)
        different = _replay(settings, since, limit, 0 if stored_facts else jobs, as_json=as_json)
    except MailbotError as error:
        click.echo(f"mailbot: {error.reason}", err=True)
        raise SystemExit(_ERROR) from error
    raise SystemExit(1 if different else 0)


def _replay(settings: Settings, since: timedelta, limit: int | None, jobs: int, *, as_json: bool) -> int:
    """``jobs`` 0: open no mail. Returns how many mails are decided otherwise."""
    from mailbot.flow.replay import again, differs, lacks_check
    from mailbot.service import compose
    from mailbot.trial.replaying import read_anew

    ruleset, _ = compose.rules(settings)
    changes: Counter[tuple[str, str]] = Counter()
    decided = unopened = unchecked = 0
    with read_anew(settings, utc_now() - since, limit, jobs) as (total, read):
        for one, words in _progress(read, total):
            decided += 1
            unopened += words is None
            now = again(one, words or {}, ruleset)
            unchecked += lacks_check(one, now)
            if differs(one, now):
                was = {"rule": one.rule, "outcome": one.outcome, "mails": _kinds(one), "floor": list(one.floor)}
                then = {"rule": now.rule, "outcome": now.outcome.value, "mails": [m.value for m in now.mails]}
                then |= {"floor": list(now.floor)}
                changes[_brief(was), _brief(then)] += 1
                _show(one, was, then, as_json=as_json)
    _sum_up(changes, decided, unopened, unchecked, as_json=as_json)
    return changes.total()


def _progress(read: ReplayedDecisions, total: int) -> ReplayedDecisions:
    """On a terminal a bar, else one line; on stderr."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"{total} stored decisions", err=True)
        yield from read
        return
    # What goes into a file must not be led to the terminal, and what goes there must not break the bar.
    with Progress(console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        yield from bar.track(read, total=total, description="stored decisions")


def _kinds(one: StoredDecision) -> list[str] | int | None:
    return list(one.mails) if one.mails is not None else one.count


def _brief(side: Mapping[str, Any]) -> str:
    mails = side["mails"]
    told = "?" if mails is None else f"{mails} mails" if isinstance(mails, int) else ", ".join(mails) or "no mails"
    return f"{side['rule']} ({side['outcome']}, {told})" + (" [floor]" if side["floor"] else "")


def _show(one: StoredDecision, was: Mapping[str, Any], now: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        told = {"inbox": one.inbox_id, "ticket": one.ticket, "decided_at": one.decided_at}
        options.line({**told, "ruleset": one.ruleset, "was": was, "now": now})
        return
    ticket = one.ticket or "-"
    click.echo(f"{one.inbox_id}  {ticket}  {one.decided_at:%Y-%m-%d %H:%M}Z  {_brief(was)} → {_brief(now)}")


def _sum_up(changes: Counter[tuple[str, str]], decided: int, unopened: int, unchecked: int, *, as_json: bool) -> None:
    if as_json:
        groups = [{"mails": n, "was": was, "now": now} for (was, now), n in changes.most_common()]
        told = {"decided": decided, "different": changes.total(), "unopened": unopened, "unchecked": unchecked}
        options.line({"summary": {**told, "groups": groups}})
        return
    if changes:
        click.echo("")
    for (was, now), n in changes.most_common():
        click.echo(f"{n} mails: {was} → {now}")
    left = f"; {unopened} could not be opened and were taken as recorded" if unopened else ""
    guessed = f"; of {unchecked} the files would be checked first, and were not" if unchecked else ""
    click.echo(f"{decided} mails decided again, {changes.total()} otherwise{left}{guessed}")
