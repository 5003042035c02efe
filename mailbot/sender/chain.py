"""Which header fields of a mail only our own hosts can have written, going by the chain of Received lines.

Each host puts its Received line above what it was given. So the hosts of the settings (``received_by``) are matched
line by line from the top; the line of the last of them is the edge, where the mail came in from outside. What stands
above it is ours; what stands below came with the mail, except that some filters write directly under the edge line.
A sender may write any line, but only below the edge: hence the topmost edge that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailbot.config import AuthenticationSettings
from mailbot.model import Header
from mailbot.sender import dkim, received, ties
from mailbot.sender.received import Hop
from mailbot.sender.results import AuthResultsField, is_plain, parse, parse_received_spf, parse_without_id

_NO_ID = "none"
_RESULTS, _RECEIVED_SPF = "authentication-results", "received-spf"


@dataclass(frozen=True, slots=True)
class ChainReading:
    """What the chain of one mail told. Numbers are places among its header fields."""

    why: str
    """Why no field counts; "" when one does."""
    reports: tuple[AuthResultsField, ...] = ()
    """The fields that count, read."""
    counted: tuple[int, ...] = ()
    edge: int | None = None
    """The Received line of the host that took the mail from outside; None: no line of ours was found there."""
    refused: tuple[int, ...] = ()
    """Authentication-Results of ours by name that do not count: a sender's, or the settings describe another chain."""
    ours: range = range(0)
    """The header fields that only our hosts can have written, whatever their names."""
    unattested: tuple[int, ...] = ()
    """Lines of our inner hosts that do not tell for certain whom they had the mail from: whoever reaches such a host
    from outside can write the rest of the chain himself."""


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail as it is being read."""

    headers: Sequence[Header]
    names: tuple[str, ...]
    """Of the header fields, lower case."""
    settings: AuthenticationSettings
    mail_from: str | None
    lines: tuple[tuple[int, Hop], ...]
    """Received lines with their places."""
    results: tuple[tuple[int, AuthResultsField], ...]
    """Authentication-Results under a name of ours, with their places."""

    @property
    def entries(self) -> tuple[tuple[str, ...], ...]:
        """Patterns that may match, entry by entry; without received_by the edge alone, under any name of ours."""
        return tuple((pattern,) for pattern in self.settings.received_by) or (self.settings.authserv_ids,)


def read(headers: Sequence[Header], settings: AuthenticationSettings, mail_from: str | None = None) -> ChainReading:
    """The fields that count. Never raises. ``mail_from``: reverse-path if the delivery told it."""
    ids = frozenset(name.lower() for name in settings.authserv_ids)
    if not ids:
        return ChainReading("no authserv-id is configured")
    names = tuple(h.name.lower() for h in headers)
    lines = tuple((i, received.parse(headers[i].value)) for i, name in enumerate(names) if name == "received")
    mail = _Mail(headers, names, settings, mail_from, lines, tuple(_named_ours(headers, names, ids)))
    edge, why = _edge(mail)
    if edge is not None:
        found = list(_around(mail, edge))
    elif settings.received_by:
        found = []
    else:  # nobody but our own hosts writes above the topmost Received line, whoever wrote that
        found = list(_results(mail, range(lines[0][0] if lines else len(headers))))
    counted = tuple(i for i, _ in found)
    outer = len(headers) if not lines else lines[0][0]
    ours = range(outer if edge is None and not settings.received_by else 0 if edge is None else _ours(mail, edge))
    return ChainReading(
        why="" if found else why or "no Authentication-Results of our MX",
        reports=tuple(report for _, report in found),
        counted=counted,
        edge=None if edge is None else lines[edge][0],
        ours=ours,
        refused=tuple(i for i, _ in _results(mail, range(len(headers))) if i not in counted),
        unattested=tuple(i for i, hop in lines[: edge or 0] if not hop.clients and not _local(hop)),
    )


def _edge(mail: _Mail) -> tuple[int | None, str]:
    """Number of the edge line, or None and why there is none.

    An entry stands for one line or more. As few lines as can be are taken, for a line further down may be the sender's;
    only where the edge host says that the mail came from a program of its own, the line below is its own too.
    """
    hops, entries = [hop for _, hop in mail.lines], mail.entries
    reached = {-1}
    for number, hop in enumerate(hops):
        steps = {step for entry in reached for step in (entry, entry + 1) if 0 <= step < len(entries)}
        reached = {step for step in steps if _named(hop.by, entries[step])}
        if not reached:
            return None, f"Received line {number + 1} from the top is not by the host that the settings name there"
        if len(entries) - 1 in reached:
            while number + 1 < len(hops) and hops[number].from_itself and _named(hops[number + 1].by, entries[-1]):
                number += 1
            return number, ""
        if _foreign(hop, mail):
            return None, f"Received line {number + 1} from the top took the mail from a host that is not ours"
    return None, "the Received lines end before the host that the settings name last"


def _foreign(hop: Hop, mail: _Mail) -> bool:
    """Does an inner host of ours say that it had the mail from a stranger?"""
    ours = (*mail.settings.received_by, *mail.settings.authserv_ids)
    return not _local(hop) and any(not _named(client, ours) for client in hop.clients)


def _local(hop: Hop) -> bool:
    return hop.from_itself or hop.from_inside


def _around(mail: _Mail, edge: int) -> Iterator[tuple[int, AuthResultsField]]:
    """The fields of ours above the edge line and, where they may stand there, under it."""
    place, hop = mail.lines[edge]
    above = range(place)
    run = range(place + 1, _end_of_run(mail, place + 1) if mail.settings.placement == "below" else place + 1)
    below = list(_below(mail, run, hop))
    first = min((i for i, _ in below), default=place)
    yield from _results(mail, above)
    yield from _spf(mail, above, hop)
    yield from below
    yield from _spf(mail, range(place + 1, first), hop)  # what the MX left of a sender's stands further down


def _named_ours(
    headers: Sequence[Header], names: Sequence[str], ids: frozenset[str]
) -> Iterator[tuple[int, AuthResultsField]]:
    for i, name in enumerate(names):
        if name != _RESULTS:
            continue
        report = parse_without_id(headers[i].value) if _NO_ID in ids else None
        if report is not None:
            yield i, report
        elif (named := parse(headers[i].value)).authserv_id.partition("/")[0] in ids - {_NO_ID}:
            yield i, named


def _results(mail: _Mail, places: range) -> Iterator[tuple[int, AuthResultsField]]:
    """Authentication-Results under a name of ours."""
    return ((i, report) for i, report in mail.results if i in places)


def _below(mail: _Mail, run: range, edge: Hop) -> list[tuple[int, AuthResultsField]]:
    """Fields under the edge line spelt as our MX spells them, if each method is told once and of this delivery.

    The MX removes the sender's by its own idea of what bears its name: an odd spelling may have escaped it.
    """
    if not any(i in run for i, _ in mail.results):
        return []
    spelt = {f"{name}{job}".encode() for name in mail.settings.authserv_ids for job in ("", f"/{edge.queue_id}")}
    found = [
        (i, report)
        for i, report in _results(mail, run)
        if mail.headers[i].value.partition(b";")[0].lstrip() in spelt and is_plain(mail.headers[i].value)
    ]
    methods = [method for _, report in found for method in {r.method for r in report.results or ()}]
    signers, mail_from = dkim.signers(mail.headers), _mail_from(mail, run.start)
    tied = all(ties.fits(mail.headers[i].value, r.results or (), edge, mail_from, signers) for i, r in found)
    return found if tied and len(methods) == len(set(methods)) else []


def _spf(mail: _Mail, places: range, edge: Hop) -> Iterator[tuple[int, AuthResultsField]]:
    """Received-SPF about the client of the edge line; an inner host may have checked our own MX instead."""
    for i in places:
        if mail.names[i] == _RECEIVED_SPF:
            result = parse_received_spf(mail.headers[i].value)
            client = set(received.addresses(result.properties.get("client-ip", ""))) if result else set()
            if result and (not edge.addresses or client & set(edge.addresses)):
                yield i, AuthResultsField("", (result,))


def _ours(mail: _Mail, edge: int) -> int:
    """Where the fields of our hosts end: with the edge line or, where they may stand under it, with their run."""
    place, _ = mail.lines[edge]
    return _end_of_run(mail, place + 1) if mail.settings.placement == "below" else place


def _end_of_run(mail: _Mail, start: int) -> int:
    """Where the unbroken run of fields that a filter of ours writes under the edge line ends."""
    names = mail.names[start:]
    return next((start + n for n, name in enumerate(names) if not _of_filter(name)), len(mail.names))


def _of_filter(name: str) -> bool:
    return name in (_RESULTS, _RECEIVED_SPF) or name.startswith("x-")


def _mail_from(mail: _Mail, edge: int) -> str | None:
    """Reverse-path: as the delivery told it, or as our last host wrote it down (RFC 5321 §4.4)."""
    written = (mail.headers[i].value for i, name in enumerate(mail.names[:edge]) if name == "return-path")
    told = next(written, None) if mail.mail_from is None else mail.mail_from.encode()
    return None if told is None else told.decode("ascii", "replace").strip(" \t\r\n<>")


def _named(host: str, patterns: Sequence[str]) -> bool:
    return bool(host) and any(_matcher(pattern)(host) for pattern in patterns)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Does ``pattern`` (* any text, ? any character) name a host, alone or in the brackets of an address literal?"""
    text = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern.lower())
    expression = re.compile(rf"(?:{text}|\[(?:ipv6:)?{text}\])", re.DOTALL)
    return lambda host: expression.fullmatch(host) is not None
