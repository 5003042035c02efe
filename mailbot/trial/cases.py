"""Golden cases: a mail NAME.eml and beside it NAME.yaml, which says what must become of it.

why: One sentence for people.              # everything but expect may be left out
via: lmtp                                  # the road it came by: lmtp, smtp, imap or inject
envelope: {mail_from: a@b.example, rcpt_to: [helpdesk-eclo@mf.gov.pl]}
authentication: pass                       # take the sender as so far proven, whatever the mail says
received: 2026-11-20T10:00:00+01:00        # default: as the mail's own headers say
now: 2026-11-20T10:00:00+01:00             # default: the arrival
expect:                                    # any keys of mailbot explain --json; of a mapping any part
  outcome: NEW_OK
  mails: [T8]
  facts: {account: active}
says: ["Dziękujemy"]                       # must stand in a mail that goes out, as a citizen reads it
not: ["hasło"]                             # must stand in none
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.errors import ConfigError
from mailbot.model import AuthResult, Defect, Envelope, MailKind, Outcome, Source, State
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Mistakes
from mailbot.ruleset.vocabulary import FACTS, OPEN
from mailbot.trial import history

ACCOUNTS, DNS, TRUST, STATE = "accounts.yaml", "dns.yaml", "trust", ".state.yaml"
"""What the cases of a folder and of those below it share, and what one case has for itself."""
EXPECTED = (
    *("subject_class", "rule", "outcome", "defects", "differences", "category", "state", "desk", "mails"),
    *("topic", "service", "faq", "question", "language", "phrase", "name", "year", "watched", "facts", "notes"),
)
_OPTIONAL = ("why", "via", "envelope", "authentication", "received", "now", "says", "not")
_WORDS: Mapping[str, Collection[str]] = {"outcome": list(Outcome), "state": list(State)}
_LISTS: Mapping[str, Collection[str]] = {"mails": list(MailKind), "defects": list(Defect)}
_NOT_CASES = (ACCOUNTS, DNS, "case_b.yaml")
_NOTHING = ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it is written."""

    mail: Path
    why: str
    envelope: Envelope
    vouched: AuthResult | None
    received: datetime | None
    now: datetime | None
    expect: Mapping[str, Any]
    """Key → a word, a list or a mapping of these."""
    says: tuple[str, ...]
    forbidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as expected."""

    key: str
    wanted: Any
    came: Any


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the cases of one folder share; None: it has none."""

    accounts: Path | None
    dns: Path | None
    trust: Path | None


def read(folder: Path, helpdesk: str) -> list[Case]:
    """The cases below ``folder``, in order. Raises ConfigError with every mistake in them."""
    mistakes = Mistakes()
    written = (f for f in sorted(folder.rglob("*.yaml")) if f.name not in _NOT_CASES and not f.name.endswith(STATE))
    found = [_case(YamlDocument(file, mistakes), file, helpdesk, mistakes) for file in written]
    if lines := mistakes.lines():
        raise ConfigError("\n".join(lines))
    return [case for case in found if case]


def untold(folder: Path) -> list[Path]:
    """The mails below ``folder`` that have no NAME.yaml beside them, so that nothing is expected of them."""
    return [mail for mail in sorted(folder.rglob("*.eml")) if not mail.with_suffix(".yaml").is_file()]


def surroundings(mail: Path, top: Path) -> Surroundings:
    """What lies nearest to ``mail``: in its folder or one above it, up to the folder that holds ``top``."""
    return Surroundings(*(_nearest(mail.parent, top, name) for name in (ACCOUNTS, DNS, TRUST)))


def compare(case: Case, came: Mapping[str, Any], mails: str) -> Iterator[Mismatch]:
    """What is not as ``case`` expects. ``came``: the words of explain; ``mails``: every word that would be sent."""
    for key, wanted in case.expect.items():
        if not _fits(wanted, came.get(key)):
            yield Mismatch(key, wanted, _part(wanted, came.get(key)))
    said = _flat(mails)
    for text in case.says:
        if _flat(text) not in said:
            yield Mismatch("says", text, None)
    for text in case.forbidden:
        if _flat(text) in said:
            yield Mismatch("not", text, text)


def _nearest(folder: Path, top: Path, name: str) -> Path | None:
    folder, last = folder.resolve(), top.resolve().parent
    while not (folder / name).exists():
        if folder in (last, folder.parent):
            return None
        folder = folder.parent
    return folder / name


def _case(document: YamlDocument, file: Path, helpdesk: str, mistakes: Mistakes) -> Case | None:
    if document.root is None:
        return None
    found = document.entries(document.root, "", ("expect",), _OPTIONAL)
    mail = file.with_suffix(".eml")
    if not mail.is_file():
        mistakes.add(
            Finding(str(file), 1, 1, f'there is no "{mail.name}" beside it', "put the mail there", code="file")
        )
    authentication = document.word(found.get("authentication"), "authentication", list(AuthResult), "a verdict")
    return Case(
        mail=mail,
        why=document.string(found.get("why"), "why") or "",
        envelope=_envelope(document, found, helpdesk),
        vouched=AuthResult(authentication) if authentication else None,
        received=history.moment(document, found.get("received"), "received"),
        now=history.moment(document, found.get("now"), "now"),
        expect=_expect(document, found.get("expect")),
        says=_texts(document, found.get("says"), "says"),
        forbidden=_texts(document, found.get("not"), "not"),
    )


def _envelope(document: YamlDocument, found: Mapping[str, Node], helpdesk: str) -> Envelope:
    via = document.word(found.get("via"), "via", list(Source), "a road")
    node = found.get("envelope")
    entries = document.entries(node, "envelope", (), ("mail_from", "rcpt_to")) if node else {}
    sender = entries.get("mail_from")
    mail_from = sender.value if isinstance(sender, ScalarNode) else None  # "" is the null reverse-path
    recipients = _texts(document, entries.get("rcpt_to"), "envelope.rcpt_to") or (helpdesk,)
    return Envelope(Source(via or Source.LMTP), mail_from, recipients, "127.0.0.1")


def _expect(document: YamlDocument, node: Node | None) -> dict[str, Any]:
    if node is None:
        return {}
    entries = document.entries(node, "expect", (), EXPECTED)
    for key in entries.keys() & _WORDS.keys():
        document.word(entries[key], f"expect.{key}", _WORDS[key], f"a word for {key}")
    for key in entries.keys() & _LISTS.keys():
        document.words(entries[key], f"expect.{key}", _LISTS[key], f"a word for {key}")
    facts = document.entries(entries["facts"], "expect.facts", (), FACTS, what="fact") if "facts" in entries else {}
    for fact in facts.keys() - OPEN.keys():  # those take words of the rule set too
        document.word(facts[fact], f"expect.facts.{fact}", FACTS[fact], "a word of this fact")
    return {key: _plain(value) for key, value in entries.items()}


def _texts(document: YamlDocument, node: Node | None, key: str) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(filter(None, (document.string(item, key) for item in document.items(node, key))))


def _plain(node: Node) -> Any:
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    if isinstance(node, MappingNode):
        return {name.value: _plain(value) for name, value in node.value}
    return node.value


def _fits(wanted: Any, came: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(came, Mapping) and all(_fits(value, came.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(came, list) and len(came) == len(wanted)
        return same_length and all(map(_fits, wanted, came))
    return wanted in _NOTHING if came in (None, "") else wanted == str(came)


def _part(wanted: Any, came: Any) -> Any:
    """Of a mapping only what was asked for."""
    if isinstance(wanted, dict) and isinstance(came, Mapping):
        return {key: came.get(key) for key in wanted}
    return came


def _flat(text: str) -> str:
    return " ".join(text.split())
