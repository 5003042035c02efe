"""``mailbot explain --queue`` and ``--ticket``: how messages of the database were decided, as it was recorded then."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import RowMapping

from mailbot.accounts.memory import MemoryDirectory
from mailbot.cli import explain_text, options
from mailbot.config import Settings
from mailbot.errors import RulesError, SealBroken
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.replay import again, reads_text, words_of
from mailbot.flow.understand import Understander
from mailbot.inbox import message_of
from mailbot.installation import read_key
from mailbot.model import Understanding
from mailbot.ruleset import loader
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import decision, ticket
from mailbot.text.mask import mask
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision
from mailbot.tickets.record import trace


def show(
    settings: Settings, queue: Sequence[int], zgl: str | None, language: str, *, again: bool, as_json: bool
) -> None:
    """Print the decisions about rows ``queue`` of the inbox, or about every message of ticket ``zgl``."""
    with decisions.read_only(settings.database.url) as connection:
        key = read_key(connection, Path(settings.secret.key_file))
    no_dns = StaticResolver({})  # not asked: the sender is as recorded, and so is the account
    reader = Understander(settings, key, no_dns)
    nobody, dice = MemoryDirectory(()), random.Random(0)  # noqa: S311 - draws nothing
    flow = compose.pipeline(settings, key, nobody, no_dns, dice) if again else None
    titles = _titles(settings)
    with decisions.read_only(settings.database.url) as connection:
        which = ticket.c.number == zgl.upper() if zgl else decision.c.inbox_id.in_(queue)
        found = decisions.found(connection, which)
        messages = decisions.messages(connection, [one.inbox_id for one, _ in found])
    missing = set(queue) - {one.inbox_id for one, _ in found}
    if missing or not found:
        what = ", ".join(map(str, sorted(missing))) or zgl
        raise click.ClickException(f"{what}: no decision about it; mend: mailbot queue ls shows what waits")
    for one, row in found:
        u = _open(reader, messages.get(one.inbox_id))
        report = _report(one, row, u) | (_now(flow, one, u) if flow else {})
        if as_json:
            options.line(report)
        else:
            _print(report, titles, language)


def _titles(settings: Settings) -> dict[str, str]:
    """Rule → title; none while the rule set is wrong: what was decided is told all the same."""
    try:
        rules = loader.load(compose.rules_directory(settings.rules.directory)).rules
    except RulesError:
        return {}
    return {rule.name: rule.title for rule in rules}


def _open(reader: Understander, message: RowMapping | None) -> Understanding | None:
    """What the message says; None when it was erased or cannot be opened."""
    if message is None:
        return None
    try:
        return reader.understand(message_of(message, reader.secret))
    except SealBroken:
        return None


def _report(one: StoredDecision, row: RowMapping, u: Understanding | None) -> dict[str, Any]:
    return {
        "inbox": one.inbox_id,
        "ticket": one.ticket,
        "received_at": row["received_at"],
        "decided_at": one.decided_at,
        "ruleset": one.ruleset,
        "sender": u.sender.address if u else None,
        "subject": mask(u.message.subject) if u else None,
        "text": mask(u.message.text) if u else None,
        "rule": one.rule,
        "outcome": one.outcome,
        "mails": list(one.mails) if one.mails is not None else None,
        "facts": one.facts,
        "notes": row["notes"],
        "trace": row["trace"],
    }


def _now(flow: Pipeline, one: StoredDecision, u: Understanding | None) -> dict[str, Any]:
    anew = words_of(flow.read(u)) if u and reads_text(one.facts) else {}
    decided = again(one, anew, flow.ruleset)
    return {
        "again": {
            "rule": decided.rule,
            "outcome": decided.outcome.value,
            "mails": [kind.value for kind in decided.mails],
            "floor": list(decided.floor),
            "read_anew": anew,
            "trace": trace(decided),
            "ruleset": decided.ruleset,
        }
    }


def _print(report: Mapping[str, Any], titles: Mapping[str, str], language: str) -> None:
    words = explain_text.WORDS[language]
    head = {
        "inbox": report["inbox"],
        "ticket": report["ticket"] or words["no-ticket"],
        "decided_at": f"{report['decided_at']:%Y-%m-%d %H:%M}Z",
        "ruleset": report["ruleset"][:12],
    }
    click.secho(words["decided"].format(**head), bold=True)
    for line in explain_text.told(report, report["subject"], titles, language):
        click.echo(line)
    for line in (report["text"] or "").splitlines():
        click.echo(f"  > {explain_text.visible(line)}")
    now = report.get("again")
    if now is not None:
        click.echo(explain_text.compared(report, now, language))
