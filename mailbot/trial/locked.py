"""Trials in a process that is locked (signatures.sandbox): strangers' mails, and rule sets that nobody has proofread.

What a job needs comes with it and its answer is JSON; the process has no key, no network and no database but an empty
one in memory. Signed files are not verified here: who asks says what they are to be taken for.
"""

from __future__ import annotations

import base64
import pickle
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import Settings
from mailbot.flow.pipeline import Pipeline
from mailbot.flow.replay import again, differs, lacks_check, reads_text, words_of
from mailbot.model import (
    Account,
    Applicant,
    ApplicationCheck,
    ApplicationState,
    AuthResult,
    Decision,
    Envelope,
    Match,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.observe import utc_now
from mailbot.ruleset import loader
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.signatures import wire
from mailbot.tickets.decisions import StoredDecision
from mailbot.trial.simulator import Trial, arrival, blank
from mailbot.workers.verify import Verifier

_AGES = 36_500
"""More days than any mail is old: one that was kept for years is tried as one that has just come."""
_SHOWN = 200
"""Mails that are named one by one."""


def explain(given: Mapping[str, Any]) -> wire.Handler:
    """The job: one mail (blob), what is taken for granted about it (header) → what ``mailbot explain --json`` says. A
    process does it once."""
    settings = _settings(given)
    flow = _flow(replace(settings, intake=replace(settings.intake, oldest_days=_AGES)))
    database = ExitStack()
    connection = database.enter_context(blank())  # here, because a locked process opens no other

    def job(header: dict[str, Any], blobs: list[bytes]) -> wire.Frame:
        with database:
            return {"found": _explained(flow, connection, header, blobs[0])}, []

    return job


def compare(given: Mapping[str, Any]) -> wire.Handler:
    """The job: stored decisions with their mails (blob, pickled by us) → what two rule sets make of them. ``rules``:
    folders of the first and the second; "": the one of the settings. Without any, the first is what was recorded."""
    flow = _flow(_settings(given))
    first, second = (_ruleset(flow, folder) for folder in given["rules"])
    recorded = not any(given["rules"])

    def job(header: dict[str, Any], blobs: list[bytes]) -> wire.Frame:
        del header
        stored: Sequence[tuple[StoredDecision, RawMessage | None]] = pickle.loads(blobs[0])  # noqa: S301 - the parent's
        changes: Counter[tuple[str, str]] = Counter()
        mails: list[dict[str, Any]] = []
        unread = unchecked = 0
        for one, raw in stored:
            u = flow.understand(raw) if raw is not None else None
            unread += u is None and reads_text(one.facts)
            now = _decided(one, u, second, flow)
            unchecked += lacks_check(one, now)
            before = None if recorded else _decided(one, u, first, flow)
            was, then = (_recorded(one) if before is None else _told(before)), _told(now)
            if was == then if before is not None else not differs(one, now):
                continue
            changes[was, then] += 1
            if len(mails) < _SHOWN:
                ticket = {"inbox": one.inbox_id, "ticket": one.ticket, "at": one.decided_at.isoformat()}
                mails.append({**ticket, "was": was, "now": then})
        groups = [{"mails": count, "was": was, "now": now} for (was, now), count in changes.most_common(_SHOWN)]
        hashes = [None if recorded else first.hash, second.hash]
        told = {"decided": len(stored), "different": changes.total(), "unread": unread, "unchecked": unchecked}
        return {"found": {**told, "hashes": hashes, "groups": groups, "mails": mails}}, []

    return job


def _explained(flow: Pipeline, connection: Connection, header: Mapping[str, Any], octets: bytes) -> dict[str, Any]:
    raw = RawMessage(octets, Envelope(Source.INJECT), arrival(octets) or utc_now())
    account = _account(header)
    accounts = MemoryDirectory((account,) if account else ())
    used = replace(flow, directory=accounts)
    vouched = AuthResult(header["authentication"]) if header["authentication"] else None
    trial = Trial(used, accounts, Verifier(used), vouched)
    u = trial.read(raw)
    if header["application"] and trial.waits(u, connection, raw.received_at):
        u = _taken_for(u, header["application"], account)
    found = trial.report(used.assess(u, used.lookup(connection, [u], raw.received_at)))
    mails = trial.mails(raw, u, connection, raw.received_at)
    return {
        **found,
        "rendered": [_readable(text) for text in mails],
        "sender": u.sender.address,
        "subject_text": u.message.subject,
    }


def _readable(mail: bytes) -> dict[str, Any]:
    """A mail of ours as its reader sees it."""
    message = message_from_bytes(mail, policy=policy.default)
    body = message.get_body(("plain",))
    return {
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "text": str(body.get_content()) if body is not None else "",
        "files": [str(part.get_filename()) for part in message.iter_attachments()],
    }


def _recorded(one: StoredDecision) -> str:
    mails = ", ".join(one.mails) if one.mails is not None else "?" if one.count is None else f"{one.count} mails"
    return f"{one.rule} ({one.outcome}; {mails or '–'}{'; floor' if one.floor else ''})"


def _decided(one: StoredDecision, u: Understanding | None, ruleset: Ruleset, flow: Pipeline) -> Decision:
    anew = words_of(replace(flow, ruleset=ruleset).read(u)) if u is not None and reads_text(one.facts) else {}
    return again(one, anew, ruleset)


def _told(decision: Decision) -> str:
    mails = ", ".join(kind.value for kind in decision.mails)
    return f"{decision.rule} ({decision.outcome.value}; {mails or '–'}{'; floor' if decision.floor else ''})"


def _settings(given: Mapping[str, Any]) -> Settings:
    found: Settings = pickle.loads(base64.b64decode(given["settings"]))  # noqa: S301 - the parent's own
    return found


def _flow(settings: Settings) -> Pipeline:
    nobody, dice = MemoryDirectory(()), random.Random(0)  # noqa: S311 - spreads a delay that never comes
    return compose.pipeline(settings, Secret(bytes(32)), nobody, StaticResolver({}), dice)


def _ruleset(flow: Pipeline, folder: str) -> Ruleset:
    return loader.load(Path(folder)) if folder else flow.ruleset


def _account(header: Mapping[str, Any]) -> Account | None:
    told = header["account"]
    return Account(told["login"], told["given"], told["surname"], told["year"]) if told else None


def _taken_for(u: Understanding, state: str, account: Account | None) -> Understanding:
    """``u`` with the files found as was asked for, the account's holder as signer."""
    applicant = Applicant(account.given, account.surname, account.birth_year, None) if account else None
    login = account.login if account else None
    digest = "0" * 64  # of nothing: the database is thrown away
    checked = ApplicationCheck(
        ApplicationState(state),
        old_login=login,
        applicant=applicant,
        body=Match.OK,
        payload_sha256=digest,
        signature_sha256=digest,
        whole=True,
    )
    return replace(u, checked=checked)
