"""Stored decisions with what is read anew of their mails, so that another rule set can be tried on them."""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import Settings
from mailbot.errors import SealBroken
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.replay import reads_text, words_of
from mailbot.inbox import message_of
from mailbot.installation import read_keys
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.reading import read_only
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision

_PAGE = 200
_WORTH_IT = 1_000
"""Mails from which on more processes save more time than they need to start."""

Messages = Sequence[tuple[bool, RowMapping | None]]
"""Of a page: whether its text is asked for, and the row that ``inbox.message_of`` opens; None: it was erased."""
FreshWords = Mapping[str, str] | None
"""What was read anew; None: the message cannot be opened."""
ReplayedDecision = tuple[StoredDecision, FreshWords]
ReplayedDecisions = Iterator[ReplayedDecision]


@contextmanager
def read_anew(
    settings: Settings, since: datetime, limit: int | None, jobs: int
) -> Iterator[tuple[int, ReplayedDecisions]]:
    """How many decisions there are since then (the newest ``limit``), and each with what was read anew, in order.

    ``jobs``: processes; 0: no mail is opened.
    """
    with read_only(settings.database.url) as connection:
        if jobs:
            with read_keys(connection, settings):  # another key would open no mail
                pass
        which = decisions.since(since, limit)
        total = decisions.count(connection, which)
        pages = decisions.pages(connection, which, _PAGE)
        yield total, _read(settings, connection, pages, jobs if total >= _WORTH_IT else min(jobs, 1))


def _read(
    settings: Settings, connection: Connection, pages: Iterable[list[StoredDecision]], jobs: int
) -> ReplayedDecisions:
    """Each decision with what was read anew of its mail, in order."""
    if jobs == 0:
        yield from ((one, {}) for page in pages for one in page)
        return
    opened = ((page, _messages(connection, page)) for page in pages)
    if jobs == 1:
        with _prepared(settings):
            for page, messages in opened:
                yield from zip(page, _words(messages), strict=True)
        return
    spawn = multiprocessing.get_context("spawn")  # as in workers.understand
    with ProcessPoolExecutor(jobs, spawn, _begin, (settings,)) as pool:
        waiting: deque[tuple[list[StoredDecision], Future[list[FreshWords]]]] = deque()
        for page, messages in opened:
            waiting.append((page, pool.submit(_words, messages)))
            if len(waiting) > 2 * jobs:
                yield from _finished(*waiting.popleft())
        for page, future in waiting:
            yield from _finished(page, future)


def _finished(page: list[StoredDecision], future: Future[list[FreshWords]]) -> ReplayedDecisions:
    return zip(page, future.result(), strict=True)


def _messages(connection: Connection, page: Sequence[StoredDecision]) -> Messages:
    there = decisions.messages(connection, [one.inbox_id for one in page if reads_text(one.facts)])
    return [(reads_text(one.facts), there.get(one.inbox_id)) for one in page]


_flow: Pipeline
_with_the_process = ExitStack()


def _begin(settings: Settings) -> None:
    """In a new process: Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _with_the_process.enter_context(_prepared(settings))


@contextmanager
def _prepared(settings: Settings) -> Iterator[None]:
    global _flow
    nobody, no_dns = MemoryDirectory(()), StaticResolver({})  # neither is asked: the sender is as recorded
    with read_only(settings.database.url) as connection, read_keys(connection, settings) as key:
        connection.rollback()  # years of mail are read on another one: this one must hold nothing up
        _flow = compose.pipeline(settings, key, nobody, no_dns, random.Random(0))  # noqa: S311 - draws nothing
        yield


def _words(messages: Messages) -> list[FreshWords]:
    return [_words_of(row) if asked else {} for asked, row in messages]


def _words_of(row: RowMapping | None) -> FreshWords:
    if row is None:
        return None
    try:
        raw = message_of(row, _flow.secret)
    except SealBroken:
        return None
    return words_of(_flow.read(_flow.understand(raw)))
