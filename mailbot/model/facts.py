"""What the rules may ask: the closed vocabulary of rules/*.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mailbot.model.application import ApplicationState, Match
from mailbot.model.decision import Duplicate
from mailbot.model.message import AuthResult, Automatic
from mailbot.model.request import SubjectClass


def _fact(doc: str, *values: str) -> dict[str, object]:
    return {"doc": doc, "values": values}


def _neutral(doc: str, *values: str, more: str = "") -> Any:
    """A fact whose first word says that there is nothing to say. ``more``: the file that adds words to it."""
    return field(default=values[0], metadata={"doc": doc, "values": values, "more": more})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules may ask, and nothing else: the closed vocabulary of rules/*.yaml.

    Every value is a word; ``metadata`` of each field holds its meaning and the words it can take, and is the one source
    for the loader, the linter and docs/rules.md.
    """

    readable: str = field(metadata=_fact("can the message be read for certain", "yes", "no"))
    automatic: str = field(
        metadata=_fact("written by a machine (RFC 3834), and how we know", "no", *(a.value for a in Automatic))
    )
    sender: str = field(metadata=_fact("From holds exactly one strict mailbox", "single", "ambiguous"))
    authentication: str = field(
        metadata=_fact("does the From domain vouch for the mail", *(a.value for a in AuthResult))
    )
    duplicate: str = field(metadata=_fact("has the mail or request been seen", *(d.value for d in Duplicate)))
    subject: str = field(metadata=_fact("class of the subject", *(s.value for s in SubjectClass)))
    phrase: str = field(metadata=_fact("sentence of the procedure in the body", "A", "B", "none"))
    attachment: str = field(metadata=_fact("is a file attached", "yes", "no"))
    defects: str = field(metadata=_fact("has the mail formal defects", "yes", "no"))
    account: str = field(
        metadata=_fact(
            "case A and every other subject: account whose login is the sender; case B: whose login the application"
            " names (not-asked: a formal defect already decides, or nothing vouches for the sender; blocked also while"
            " a link of it is stopped)",
            "active",
            "blocked",
            "unknown",
            "not-asked",
        )
    )
    name: str = field(metadata=_fact("name in the mail against the account", *(m.value for m in Match)))
    year: str = field(metadata=_fact("birth year in the mail against the account", *(m.value for m in Match)))
    application: str = field(
        metadata=_fact(
            "what the files are as a signed application (not-asked: nothing depends on it, or nobody vouches for the"
            " sender)",
            *(s.value for s in ApplicationState),
        )
    )
    holder: str = field(
        metadata=_fact(
            "signer of the application against the account and the mail: names, birth year, PESEL",
            "ok",
            "doubt",
            "mismatch",
            "unknown",
            "not-asked",
        )
    )
    new_login: str = field(metadata=_fact("is the sender a login already", "free", "taken", "not-asked"))
    replay: str = field(metadata=_fact("was the same application granted before", "no", "yes"))
    stop: str = field(
        metadata=_fact(
            "the old login says STOP to a change in case B, or whoever has read the warning answers it",
            "no",
            "yes",
        )
    )
    limit: str = _neutral(
        "which limit of rules/limits.yaml is passed (failures: of the sender; login: of others about the same login)",
        "no",
        "sender",
        "domain",
        "failures",
        "login",
        "answers",
    )
    thread: str = _neutral(
        "names a ticket by its number or answers a mail of ours: the sender's own ticket, or anything else (by a "
        "number in the letter: his own alone)",
        "none",
        "own",
        "foreign",
    )
    ticket: str = _neutral("state of the sender's own ticket", "none", "open", "waiting", "closed")
    complaint: str = _neutral(
        "the time for a complaint about the answer to that ticket (none: no answer was sent yet)",
        "none",
        "in-time",
        "late",
    )
    topic: str = _neutral("what subject and text are about", "none", "several", more="topics.yaml")
    service: str = _neutral("the service that subject or text names", "none", more="services.yaml")
    faq: str = _neutral("is it a question of rules/faq.yaml, and surely which", "none", "unsure", "sure")
    csd: str = _neutral("has the sender's account a profile in the CSD portal", "not-asked", "yes", "no")
    language: str = _neutral("in which language the mail is written", "pl", "en", more="languages")
    maintenance: str = _neutral("is now a window of a notice (rules/notices.yaml)", "no", "yes")
    answer: str = _neutral(
        "may an answer leave: its domain vouches for the sender, or the envelope agrees with From, he was not answered"
        " within a day and the budget of limits.yaml (unvouched) lasts",
        "open",
        "shut",
    )
    spam: str = _neutral(
        "marked by the office's own filter ([spam] in the settings); never the exact subject of a proven sender, nor"
        " an answer to his own ticket",
        "no",
        "yes",
    )
    arrival: str = _neutral(
        "when the mail came: now, more than intake.oldest_days ago, or it may have been answered before a restore",
        "fresh",
        "old",
        "again",
    )
