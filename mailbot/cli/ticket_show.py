"""``mailbot tickets show``: one ticket, as a person judges it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailbot.cli import options
from mailbot.cli.ticket_text import minute, second, shown
from mailbot.cli.ticket_verbs import TYPED
from mailbot.config import Settings
from mailbot.desk import told
from mailbot.desk.compare import COLUMNS, Mark
from mailbot.desk.requests import Action
from mailbot.desk.sight import sees
from mailbot.inbox import message_of
from mailbot.installation import keys_at_hand, read_keys
from mailbot.model import Operator, RawMessage
from mailbot.secret import NO_KEY
from mailbot.service import compose
from mailbot.storage.reading import read_only
from mailbot.tickets import listing
from mailbot.tickets import number as numbers

_SHOWN = (
    *("number", "state", "category", "desk", "owner", "opened_at", "standard_at", "promised_at", "reply_by"),
    *("alarm", "answered_at", "closed_at", "version"),
)


def tell(number: str, with_text: bool, who: str | None, config_file: Path | None, as_json: bool) -> None:
    """The command."""
    chosen = compose.settings(config_file)
    operator = _acting(chosen, who) if who else None
    found = _read(chosen, numbers.read(number) or number, operator, with_text)
    if found is None or (operator and not sees(operator, found["desk"])):
        raise click.ClickException(f"{number}: no such ticket")
    if as_json:
        options.line(found)
        return
    for line in _lines(found, operator.language if operator else "en"):
        click.echo(shown(line))


def _acting(chosen: Settings, who: str) -> Operator:
    from mailbot.cli.ticket_acts import acting  # it knows what may be done: not for whoever only looks

    return acting(chosen.database.url, who)


def _read(chosen: Settings, zgl: str, operator: Operator | None, with_text: bool) -> dict[str, Any] | None:
    """What is sealed is left out where the key is not at hand, unless it is asked for. Raises ConfigError."""
    keys = read_keys if with_text or operator else partial(keys_at_hand, without=options.not_shown)
    with read_only(chosen.database.url) as connection, keys(connection, chosen) as secret:
        found = listing.found(connection, secret, zgl)
        if found is None:
            return None
        for mail in found["mails"]:
            mail["proof"] = _proof(found["events"], mail)
        if secret is NO_KEY:
            return found
        directory = compose.accounts(chosen)
        more = compose.answered(
            directory, lambda: told.ticket(connection, secret, directory, found["number"], operator)
        )
        texts = more.pop("texts")
        for event in found["events"]:
            event["texts"] = texts.get(event["id"], [])
        if with_text:
            rows = listing.messages(connection, found["id"])
            found["texts"] = [_text(row["id"], message_of(row, secret)) for row in rows]
        return found | more


def _proof(events: list[dict[str, Any]], mail: Mapping[str, Any]) -> str | None:
    """What the outgoing server said when it took the mail."""
    which = (event for event in events if event["kind"] == "mail-sent" and event["at"] == mail["sent_at"])
    return next((event["detail"].get("answer") for event in which if event["detail"].get("kind") == mail["kind"]), None)


def _lines(found: Mapping[str, Any], language: str) -> Iterator[str]:
    for key in _SHOWN:
        value = found.get(key)
        yield f"{key:12} {minute(value) if isinstance(value, datetime) else '' if value is None else value}"
    yield from _compared(found.get("compare", ()), language)
    if found.get("deviations"):
        yield f"  to explain: {', '.join(found['deviations'])}"
    for event in found["events"]:
        yield f"  {second(event['at'])}  {event['kind']}  {_detail(event['detail'])}".rstrip()
        for text in event.get("texts", ()):
            yield textwrap.indent(text["text"], f"    {text['kind']}> ", lambda line: True)
    for mail in found["mails"]:
        when = second(mail["sent_at"]) if mail["sent_at"] else ""
        why = mail["proof"] or mail["last_error"] or ""
        yield f"  mail {mail['id']} {mail['kind']}: {mail['state']} {when} {why}".rstrip()
    for reason in found["decisions"]:
        yield f"  rule {reason['rule']} → {reason['outcome']}  {reason['notes'] or ''}"
    if "can" in found:
        yield f"  can: {', '.join(TYPED[Action(action)] for action in found['can']) or '-'}"
        yield from _cannot(found["cannot"])
    for text in found.get("texts", ()):
        files = f"  [{', '.join(text['files'])}]" if text["files"] else ""
        yield f"\nmessage {text['inbox']}  {minute(text['received_at'])}  {text['subject']}{files}"
        yield textwrap.indent(text["text"], "> ", lambda line: True)


def _compared(lines: list[dict[str, Any]], language: str) -> Iterator[str]:
    """The table, with a mark before what differs."""
    from mailbot.console import words  # its tables alone, and only where there is something to say

    say = partial(words.code, language, "mark")
    rows = [["", *(words.code(language, "column", column) for column in COLUMNS)]]
    for line in lines:
        cells = (line[column] for column in COLUMNS)
        rows.append([words.code(language, "line", line["name"]), *(_cell(cell, say) for cell in cells)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        mark = "≠ " if place and lines[place - 1]["differs"] else "  "
        yield (mark + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))).rstrip()


def _cell(cell: Mapping[str, str], say: Callable[[str], str]) -> str:
    text = " ".join(shown(cell["text"]).split()) or "–"
    plain = cell["mark"] in (Mark.NONE, Mark.COUNTS)
    return text if plain else f"{text} ({say(cell['mark'])})"


def _cannot(refusals: Mapping[str, str]) -> Iterator[str]:
    """A line a reason, with the actions that it forbids."""
    by_reason: dict[str, list[str]] = {}
    for action, why in refusals.items():
        by_reason.setdefault(why, []).append(TYPED[Action(action)])
    yield from (f"  cannot {', '.join(actions)}: {why}" for why, actions in by_reason.items())


def _detail(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items())


def _text(row: int, received: RawMessage) -> dict[str, Any]:
    """Subject, text and names of files of a message, masked."""
    from mailbot.parsing.mime import parse  # not for those who only look at the ticket

    message = parse(received.raw, received.envelope, frozenset())
    return {
        "inbox": row,
        "received_at": received.received_at,
        "subject": shown(message.subject),
        "files": [shown(file.filename) for file in message.attachments],
        "text": shown(message.text),
    }
