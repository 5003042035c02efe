"""Does one action of the desk for the command line, and says what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mailbot.audit import chain
from mailbot.cli import options
from mailbot.cli.ticket_text import second
from mailbot.desk import refusals, words
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import ActionRequest
from mailbot.model import Operator, OutgoingMail
from mailbot.observe import utc_now
from mailbot.operators import people
from mailbot.service import compose
from mailbot.storage.engine import reading
from mailbot.storage.reading import read_only
from mailbot.text.mask import mask

if TYPE_CHECKING:
    from mailbot.desk.perform import Done


def act(number: str, kind: type[ActionRequest], wanted: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Ask for it in the name of ``--as``: look, show what would leave, do it."""
    from mailbot.desk import perform  # who only looks need not wait for what decides

    settings = compose.settings(given["config_file"])
    operator = acting(settings.database.url, given["who"])
    parts = compose.build(settings)
    desk, as_json = perform.ActionPerformer(parts.pipeline, record, os.getuid()), given["as_json"]

    def look() -> tuple[str, ActionRequest, Sequence[OutgoingMail] | Refusal]:
        with reading(parts.database.engine) as connection:
            found = desk.case(connection, number)
            if isinstance(found, Refusal):
                refuse(number, found, operator, as_json)
            version = found.version if given["version"] is None else given["version"]
            request = kind(version=version, reason=given["reason"] or "", **wanted)
            return found.number, request, desk.preview(connection, number, operator, request, utc_now())

    def do() -> Done | Refusal:
        with parts.database.engine.begin() as connection:
            return desk.perform(connection, number, operator, request, utc_now())

    zgl, request, mails = compose.answered(parts.directory, look)
    if isinstance(mails, Refusal):
        refuse(zgl, mails, operator, as_json)
    if given["preview"]:
        _show(mails, as_json)
        return
    if mails and not given["yes"]:
        _ask(mails, words.action(request.action, operator.language), as_json)
    done = compose.answered(parts.directory, do)
    if isinstance(done, Refusal):
        refuse(zgl, done, operator, as_json)
    _tell(done, request.version, as_json)


def acting(url: str, name: str) -> Operator:
    """The operator whom ``--as`` names. Raises click.ClickException where nobody of that name works here."""
    with read_only(url) as connection:
        operator = people.active(connection, name)
    if operator is None:
        raise click.ClickException(f"{name}: no such operator who works here; mend: mailbot operators list")
    return operator


def record(connection: Any, events: Sequence[int], actor: str, *, before: int | None = None, reason: str = "") -> int:
    """Append to the chain that it was done at the shell of this machine: there nobody has shown who they are."""
    told = f"{reason} {chain.shell(options.user())}"
    return chain.record(connection, events, actor, before=before, reason=told)


def refuse(number: str, why: Refusal, operator: Operator, as_json: bool) -> NoReturn:
    """Say why nothing was done, and what others did meanwhile. Exit code 1."""
    told = refusals.sentence(why, operator.language)
    if as_json:
        since = [
            {"event": h.id, "at": h.at, "kind": h.kind, "by": h.by or None, "text": mask(h.text) or None}
            for h in why.since
        ]
        options.line({"number": number, "refused": why.code, "told": told, "since": since})
        raise click.exceptions.Exit(1)
    for one in why.since:
        text = f": {mask(one.text)}" if one.text else ""
        click.echo(f"  {second(one.at)}  {one.kind}  {one.by or 'machine'}{text}", err=True)
    raise click.ClickException(f"{number}: {told}")


def _tell(done: Done, version: int, as_json: bool) -> None:
    plan = done.plan
    if as_json:
        options.line(
            {
                "number": done.number,
                "action": plan.action.value,
                "event": plan.event,
                "before": version,
                "version": done.version,
                "state": plan.state.value,
                "desk": plan.desk,
                "owner": plan.owner,
                "mails": list(done.mails),
                "told": dict(done.told),
            }
        )
        return
    told = "".join(f"; {name} {value}" for name, value in done.told)
    mails = f"; mails {', '.join(map(str, done.mails))}" if done.mails else ""
    click.echo(f"{done.number}: {plan.event}, {plan.state}; version {version} → {done.version}{mails}{told}")


def _show(mails: Sequence[OutgoingMail], as_json: bool) -> None:
    """The mails as their recipient will see them."""
    from mailbot.desk import outgoing

    shown = [outgoing.readable(mail) for mail in mails]
    if as_json:
        for mail in shown:
            options.line(mail)
        return
    if not shown:
        click.echo("no mail leaves")
    for mail in shown:
        wait = f", leaves after {mail['delay']} s" if mail["delay"] else ""
        click.echo(f"--- {mail['kind']} to {mail['to']}{wait}")
        click.echo(f"From: {mail['sender']}\nSubject: {mail['subject']}")
        for name in mail["files"]:
            click.echo(f"File: {name}")
        click.echo(f"\n{mail['text'].rstrip()}\n")


def _ask(mails: Sequence[OutgoingMail], label: str, as_json: bool) -> None:
    """Nothing leaves that nobody saw, unless they say so."""
    if as_json or not sys.stdin.isatty():
        raise click.UsageError("mails would leave; mend: look at them with --preview, then say --yes")
    _show(mails, False)
    click.confirm(f"{label}?", abort=True)
