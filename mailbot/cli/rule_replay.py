"""``mailbot rules replay``: what another rule set would have decided about the mail that lies in the database."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, RowMapping

from mailbot import secret
from mailbot.accounts.memory import MemoryDirectory
from mailbot.cli import options
from mailbot.config import Settings
from mailbot.errors import MailbotError, SealBroken
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.replay import again, differs, reads_text, words_of
from mailbot.inbox import message_of
from mailbot.installation import read_key
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision
from mailbot.trial.simulator import chosen

_PAGE = 200
_WORTH_IT = 1_000
"""Mails from which on more processes save more time than they need to start."""
_ERROR = 2

Messages = Sequence[tuple[bool, RowMapping | None]]
"""Of a page: whether its text is asked for, and the row that ``inbox.message_of`` opens; None: it was erased."""
Words = Mapping[str, str] | None
"""What was read anew; None: the message cannot be opened."""
Pair = tuple[StoredDecision, Words]


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
    subject, account, limits, tickets, notices, signatures, formal defects. So a change of limits.yaml, calendar.yaml,
    notices.yaml or signatures.yaml does not show here, nor does a change of wording. Nothing is written.

    Exit code 0: no difference; 1: differences; 2: it could not be done.
    """
    try:
        settings = chosen(compose.settings(config_file), rules_dir, None, None)
        different = _replay(settings, since, limit, 0 if stored_facts else jobs, as_json=as_json)
    except MailbotError as error:
        click.echo(f"mailbot: {error.reason}", err=True)
        raise SystemExit(_ERROR) from error
    raise SystemExit(1 if different else 0)


def _replay(settings: Settings, since: timedelta, limit: int | None, jobs: int, *, as_json: bool) -> int:
    """``jobs`` 0: open no mail. Returns how many mails are decided otherwise."""
    ruleset, _ = compose.rules(settings)
    changes: Counter[tuple[str, str]] = Counter()
    decided = unopened = 0
    with decisions.read_only(settings.database.url) as connection:
        if jobs:
            read_key(connection, Path(settings.secret.key_file))  # another key would open no mail
        which = decisions.since(utc_now() - since, limit)
        total = decisions.count(connection, which)
        pages = decisions.pages(connection, which, _PAGE)
        read = _read(settings, connection, pages, jobs if total >= _WORTH_IT else min(jobs, 1))
        for one, words in _progress(read, total):
            decided += 1
            unopened += words is None
            now = again(one, words or {}, ruleset)
            if differs(one, now):
                was = {"rule": one.rule, "outcome": one.outcome, "mails": _kinds(one), "floor": list(one.floor)}
                then = {"rule": now.rule, "outcome": now.outcome.value, "mails": [m.value for m in now.mails]}
                then |= {"floor": list(now.floor)}
                changes[_brief(was), _brief(then)] += 1
                _show(one, was, then, as_json=as_json)
    _sum_up(changes, decided, unopened, as_json=as_json)
    return changes.total()


def _read(
    settings: Settings, connection: Connection, pages: Iterable[list[StoredDecision]], jobs: int
) -> Iterator[Pair]:
    """Each decision with what was read anew of its mail, in order."""
    if jobs == 0:
        yield from ((one, {}) for page in pages for one in page)
        return
    opened = ((page, _messages(connection, page)) for page in pages)
    if jobs == 1:
        _prepare(settings)
        for page, messages in opened:
            yield from zip(page, _words(messages), strict=True)
        return
    spawn = multiprocessing.get_context("spawn")  # as in workers.understand
    with ProcessPoolExecutor(jobs, spawn, _begin, (settings,)) as pool:
        waiting: deque[tuple[list[StoredDecision], Future[list[Words]]]] = deque()
        for page, messages in opened:
            waiting.append((page, pool.submit(_words, messages)))
            if len(waiting) > 2 * jobs:
                yield from _finished(*waiting.popleft())
        for page, future in waiting:
            yield from _finished(page, future)


def _finished(page: list[StoredDecision], future: Future[list[Words]]) -> Iterator[Pair]:
    return zip(page, future.result(), strict=True)


def _messages(connection: Connection, page: Sequence[StoredDecision]) -> Messages:
    there = decisions.messages(connection, [one.inbox_id for one in page if reads_text(one.facts)])
    return [(reads_text(one.facts), there.get(one.inbox_id)) for one in page]


_flow: Pipeline


def _begin(settings: Settings) -> None:
    """In a new process: Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prepare(settings)


def _prepare(settings: Settings) -> None:
    global _flow
    key = secret.read(Path(settings.secret.key_file))
    nobody, no_dns = MemoryDirectory(()), StaticResolver({})  # neither is asked: the sender is as recorded
    _flow = compose.pipeline(settings, key, nobody, no_dns, random.Random(0))  # noqa: S311 - draws nothing


def _words(messages: Messages) -> list[Words]:
    return [_words_of(row) if asked else {} for asked, row in messages]


def _words_of(row: RowMapping | None) -> Words:
    if row is None:
        return None
    try:
        raw = message_of(row, _flow.secret)
    except SealBroken:
        return None
    return words_of(_flow.read(_flow.understand(raw)))


def _progress(read: Iterator[Pair], total: int) -> Iterator[Pair]:
    """On a terminal a bar, else one line; on stderr."""
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


def _sum_up(changes: Counter[tuple[str, str]], decided: int, unopened: int, *, as_json: bool) -> None:
    if as_json:
        groups = [{"mails": n, "was": was, "now": now} for (was, now), n in changes.most_common()]
        told = {"decided": decided, "different": changes.total(), "unopened": unopened}
        options.line({"summary": {**told, "groups": groups}})
        return
    if changes:
        click.echo("")
    for (was, now), n in changes.most_common():
        click.echo(f"{n} mails: {was} → {now}")
    left = f"; {unopened} could not be opened and were taken as recorded" if unopened else ""
    click.echo(f"{decided} mails decided again, {changes.total()} otherwise{left}")
