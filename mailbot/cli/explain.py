"""``mailbot explain``: what would happen to a mail and why. Changes nothing, touches no database and no network."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import click

from mailbot.accounts import memory
from mailbot.accounts.memory import MemoryDirectory
from mailbot.cli import compose, options
from mailbot.facts import Known, login_to_ask
from mailbot.model import (
    Account,
    Decision,
    Duplicate,
    Envelope,
    Facts,
    Match,
    Outcome,
    RawMessage,
    Seen,
    Source,
    Understanding,
)
from mailbot.observe import utc_now
from mailbot.parsing.headers import split
from mailbot.pipeline import Pipeline
from mailbot.request import names, phrase
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.tickets.record import notes, trace
from mailbot.workers.verify import Verifier

_NUMBER = "ZGL0000000"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--accounts", "accounts_file", type=click.Path(path_type=Path), help="YAML file of accounts; default none."
)
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path, file_okay=False), help="Another rule set.")
@click.option("--trust", type=click.Path(path_type=Path), help="Folder of trust anchors (for signed applications).")
@click.option("--authserv-id", default=None, help="Whose Authentication-Results count; default from the settings.")
@click.option("--received", type=options.Moment(), help="Arrival; default: as the mail's own headers say.")
@click.option("--now", type=options.Moment(), help="Moment of the decision; default: the arrival.")
@click.option("--mails", "show_mails", is_flag=True, help="Show the mails that would be sent.")
@options.config
@options.as_json
def explain(
    paths: tuple[Path, ...],
    accounts_file: Path | None,
    rules_dir: Path | None,
    trust: Path | None,
    authserv_id: str | None,
    received: datetime | None,
    now: datetime | None,
    show_mails: bool,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Tell for each mail of PATHS (files, or folders walked) which rule it meets and what would be sent."""
    settings = compose.settings(config_file)
    if rules_dir is not None:
        settings = replace(settings, rules=replace(settings.rules, directory=str(rules_dir)))
    if authserv_id is not None:
        settings = replace(settings, authentication=replace(settings.authentication, authserv_id=authserv_id))
    accounts = memory.load(accounts_file, utc_now().year) if accounts_file else MemoryDirectory(())
    key = Secret(bytes(32))  # nothing that is made here is ever sent
    flow = compose.pipeline(settings, key, accounts, StaticResolver({}), random.Random(0))  # noqa: S311 - spreads a delay that never comes
    if trust is not None:
        flow = replace(flow, settings=replace(settings, trust=replace(settings.trust, directory=str(trust))))
    asyncio.run(_all(flow, accounts, paths, received, now, show_mails=show_mails, as_json=as_json))


async def _all(
    flow: Pipeline,
    accounts: MemoryDirectory,
    paths: tuple[Path, ...],
    received: datetime | None,
    now: datetime | None,
    *,
    show_mails: bool,
    as_json: bool,
) -> None:
    async with Verifier(flow) as verifier:
        if flow.settings.trust.directory:
            await verifier.start()
        for file in _walk(paths):
            found = await _explain(flow, verifier, accounts, file, received, now, show_mails)
            options.line(found) if as_json else _print(found)


def _walk(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The mails: files as named; of a folder every file but the YAML beside the mails, in order."""
    for path in paths:
        if path.is_dir():
            yield from (f for f in sorted(path.rglob("*")) if f.is_file() and f.suffix not in (".yaml", ".yml"))
        else:
            yield path


async def _explain(
    flow: Pipeline,
    verifier: Verifier,
    accounts: MemoryDirectory,
    file: Path,
    received: datetime | None,
    now: datetime | None,
    show_mails: bool,
) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        raw = await asyncio.to_thread(file.read_bytes)
    except OSError as error:  # one bad file never stops the rest
        return {"file": str(file), "outcome": "ERROR", "error": f"cannot be read: {error.strerror}"}
    arrived = received or _arrival(raw) or utc_now()
    (u,) = await verifier.check([flow.understand(RawMessage(raw, Envelope(Source.INJECT), arrived))])
    login = login_to_ask(u)
    account = accounts.find(None, login) if login else None
    taken = accounts.find(None, u.sender.address or "") is not None
    known = Known(taken=taken, namesake=account is not None and accounts.has_namesake(None, account))
    facts, decision = flow.decide(u, account, Duplicate.NO, known)
    found = _report(file, u, facts, decision, accounts)
    if show_mails:
        letter = flow.letter(u, account, decision, _NUMBER, now or arrived)
        written = [flow.writer.outgoing(kind, letter) for kind in decision.mails]
        found["rendered"] = [m.raw.decode("utf-8") for m in written]
    found["seconds"] = round(time.perf_counter() - started, 6)
    return found


def _report(
    file: Path, u: Understanding, facts: Facts, decision: Decision, accounts: MemoryDirectory
) -> dict[str, Any]:
    return {
        "file": str(file),
        "subject_class": "AUTO" if u.message.automatic else u.subject.kind.value,
        "rule": decision.rule,
        "outcome": decision.outcome.value,
        "defects": [d.value for d in decision.defects] if decision.outcome is Outcome.REJ_FORMAL else [],
        "category": decision.category,
        "state": decision.state.value,
        "desk": decision.desk,
        "mails": [m.value for m in decision.mails],
        **_reading(u, accounts.find(None, login) if (login := u.checked.old_login or u.sender.address) else None),
        "facts": asdict(facts),
        "notes": notes(u, Seen(Duplicate.NO), decision),
        "trace": trace(decision),
        "ruleset": decision.ruleset,
    }


def _reading(u: Understanding, account: Account | None) -> dict[str, str | None]:
    """How the body reads beside the sender's account, also where the decision need not ask: for the admin's eyes."""
    request = phrase.read(u.message.text, attachments=bool(u.message.attachments))
    name = year = Match.UNKNOWN
    if not request.names:
        name = Match.MISSING
    elif account:
        name = names.compare(request.names, account)
    if request.year is None:
        year = Match.MISSING
    elif account:
        year = Match.OK if request.year == account.birth_year else Match.MISMATCH
    return {"phrase": request.phrase.value if request.phrase else None, "name": name.value, "year": year.value}


def _arrival(raw: bytes) -> datetime | None:
    """When our MX says it took the mail (topmost Received), else the Date; None when neither can be read."""
    headers = split(raw).fields
    for name in ("received", "date"):
        value = next((h.value for h in headers if h.name.lower() == name), None)
        if value is not None:
            text = re.sub(r"\s+", " ", value.decode("ascii", "replace")).rpartition(";")[2]
            try:
                moment = parsedate_to_datetime(text.strip())
            except (ValueError, IndexError, OverflowError):
                continue
            if moment.tzinfo is not None:
                return moment
    return None


def _print(found: dict[str, Any]) -> None:
    if "error" in found:
        click.echo(f"{found['file']}: {found['error']}")
        return
    mails = ", ".join(found["mails"]) or "no mails"
    click.secho(found["file"], bold=True)
    click.echo(f"  {found['outcome']}  {found['state']}  {found['category']}  → {mails}")
    click.echo(f"  subject {found['subject_class']}, rule {found['rule']}")
    if found["defects"]:
        click.echo(f"  defects: {', '.join(found['defects'])}")
    for key, value in found["notes"].items():
        click.echo(f"  {key}: {value if isinstance(value, str) else ', '.join(map(str, value))}")
    for step in found["trace"]:
        seen = ", ".join(f"{fact}={word}" for fact, word in step["saw"].items()) or "(always)"
        click.echo(f"    {'✓' if step['hit'] else '·'} {step['rule']}: {seen}")
    for text in found.get("rendered", ()):
        click.echo("\n" + text)
