"""A batch is understood as its mails are alone; only what deciding never looks at is left out."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest

from mailbot.config import AuthenticationSettings, ScannerSettings, Settings
from mailbot.flow import facts
from mailbot.flow.lookup import LookupResult
from mailbot.flow.understand import Understander
from mailbot.mails import thread
from mailbot.model import (
    REQUIRED_SUBJECT,
    AuthResult,
    Duplicate,
    DuplicateCheck,
    Envelope,
    MailKind,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.request import phrase, topics
from mailbot.secret import Secret
from mailbot.sender.resolver import DnsQuestion, RecordType
from mailbot.tickets import bounce, correspondence
from mailbot.tickets.rate_limits import CountedFor
from tests.citizens import AUTHSERV_ID, HELPDESK, build
from tests.dkim_mails import FIELDS, NOW, mail, rsa_record, sign
from tests.once import shipped

KEY = Secret(bytes(32))
PDF = ("wniosek.pdf", "application/pdf", b"%PDF-1.7 one")
ENTRY = {"id": "1", "sender": "jan@wp.example", "auth": "pass", "headers": {}, "html_only": False, "attachments": []}


class Dns:
    """Knows the key of the mails that are signed, and who asked for it."""

    def __init__(self) -> None:
        self.asked: list[threading.Thread] = []

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        self.asked.append(threading.current_thread())
        return (rsa_record(),) if (name, kind) == ("s1._domainkey.wp.example", "TXT") else ()


def written(subject: str, body: str, *files: tuple[str, str, bytes], auth: str = "pass") -> bytes:
    return build({**ENTRY, "subject": subject, "body": body, "auth": auth}, "utf8-qp", files)


def report() -> bytes:
    """That a mail of ours came back: the mailbox is not there."""
    ours = thread.message_id(MailKind.T1, "ZGL0000001", correspondence.token(KEY, "ZGL0000001"), "helpdesk.example")
    status = ("status.txt", "message/delivery-status", b"Action: failed\r\nStatus: 5.1.1\r\n")
    return written("Undeliverable", f"Your message {ours} was not delivered.", status)


A = "Proszę o zmianę hasła awaryjnego dla Jan Kowalski, 1980\n\nW dniu 1.11.2026 10:00 Ala napisała:\n> co u Ciebie?"
MAILS = {
    "case A": written(REQUIRED_SUBJECT, A),
    "a file in the procedure": written(REQUIRED_SUBJECT, A, PDF),
    "a file with a question": written("Pytanie", "Dzień dobry, nie działa mi SENT.", PDF),
    "a report": report(),
    "signed, and nothing said of it": sign(mail(FIELDS)),
    "not signed, and nothing said of it": written("NOWE", "Usuńcie konto", auth="none"),
    "garbage": b"\xff\x00 no mail at all",
}


def raw(name: str, source: Source = Source.LMTP) -> RawMessage:
    sender = "" if name == "a report" else "jan@wp.example"
    return RawMessage(MAILS[name], Envelope(source, sender, (HELPDESK,), peer="192.0.2.7", helo="wp.example"), NOW)


def understander(dns: Dns, scanner: str = "") -> Understander:
    told = AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500)
    return Understander(Settings(authentication=told, scanner=ScannerSettings(scanner)), KEY, dns)


def bare(u: Understanding, *, files: bool) -> Understanding:
    kept = u.message.attachments if files else tuple(replace(a, data=b"") for a in u.message.attachments)
    return replace(u, message=replace(u.message, headers=(), full_text="", attachments=kept))


def test_a_batch_says_what_its_mails_say_alone() -> None:
    dns = Dns()
    one = understander(dns)
    alone = {name: one.understand(raw(name)) for name in MAILS}
    assert alone["signed, and nothing said of it"].sender.authentication.result is AuthResult.PASS
    assert alone["a report"].bounced == "ZGL0000001"
    dns.asked.clear()
    batch = one.understand_all([raw(name) for name in MAILS])
    assert batch == [bare(u, files=name == "a report") for name, u in alone.items()]
    assert dns.asked
    assert threading.current_thread() not in dns.asked, "a slow name server would hold up the others"
    assert bounce.gone(batch[list(MAILS).index("a report")].message)
    assert [one.understand_all([raw(name)])[0] for name in MAILS] == batch


def test_who_checks_gets_the_files_of_the_procedure_and_no_others() -> None:
    one = understander(Dns())
    batch = one.understand_all([replace(raw(name), to_check=True) for name in MAILS])
    opened = ("a file in the procedure", "a report")
    assert batch == [bare(one.understand(raw(name)), files=name in opened) for name in MAILS]


def test_whoever_checks_himself_asks_beside_the_others() -> None:
    dns = Dns()
    one = understander(dns)
    alone = [bare(one.understand(raw(name, Source.SMTP)), files=True) for name in ("case A", "garbage")]
    dns.asked.clear()
    assert one.understand_all([raw(name, Source.SMTP) for name in ("case A", "garbage")]) == alone
    assert threading.current_thread() not in dns.asked


class Warm(Dns):
    """It knows every answer."""

    def known(self, name: str, kind: RecordType) -> tuple[str, ...] | None:
        return super().lookup(name, kind)

    def ahead(self, questions: Iterable[DnsQuestion]) -> None:
        raise AssertionError(f"{list(questions)} are known")


class Quick(Dns):
    """It answers most questions at once, when it is asked for many."""

    def __init__(self) -> None:
        super().__init__()
        self.told = dict[DnsQuestion, tuple[str, ...]]()

    def known(self, name: str, kind: RecordType) -> tuple[str, ...] | None:
        return self.told.get((name, kind))

    def ahead(self, questions: Iterable[DnsQuestion]) -> None:
        self.told |= {one: super(Quick, self).lookup(*one) for one in questions if "slow" not in one[0]}
        self.asked.clear()


def test_to_what_the_resolver_knows_nobody_waits_for_a_thread() -> None:
    cold, warm = understander(Dns()), Warm()
    batch = [raw(name, source) for name in MAILS for source in (Source.SMTP, Source.LMTP)]
    wanted = cold.understand_all(batch)
    assert understander(warm).understand_all(batch) == wanted
    assert set(warm.asked) == {threading.current_thread()}
    assert any(u.sender.authentication.result is AuthResult.PASS for u in wanted)


def test_whom_a_quick_answer_suffices_waits_for_nobody_slow() -> None:
    quick = Quick()
    others = [replace(raw(name), raw=raw(name).raw.replace(b"wp.example", b"slow.example")) for name in MAILS]
    batch = [replace(one, envelope=raw("case A", Source.SMTP).envelope) for one in (*map(raw, MAILS), *others)]
    wanted = [bare(understander(Dns()).understand(one), files=False) for one in batch]
    found = understander(quick).understand_all(batch)
    assert [bare(u, files=False) for u in found] == wanted
    assert quick.asked
    assert threading.current_thread() not in quick.asked
    quick.asked.clear()
    understander(quick).understand_all(batch[: len(MAILS)])
    assert not quick.asked, "their questions, and those that followed from the answers, were asked together"


@pytest.mark.parametrize("source", [Source.SMTP, Source.LMTP])
def test_a_mail_is_read_once_though_its_sender_is_looked_for_twice(
    monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    read = list[str]()
    look = phrase.read
    monkeypatch.setattr(phrase, "read", lambda text, **more: read.append(text) or look(text, **more))
    dns, unchecked = Dns(), written(REQUIRED_SUBJECT, A)
    unchecked = unchecked[unchecked.index(b"Date: ") :]  # as it was before our MX wrote above it
    understander(dns).understand_all([replace(raw("case A", source), raw=sign(unchecked))])
    assert (len(read), bool(dns.asked)) == (1, True)


def test_a_scanner_sees_every_file() -> None:
    (u,) = understander(Dns(), "unix:/run/clamd").understand_all([raw("a file with a question")])
    assert [file.data for file in u.message.attachments] == [PDF[2]]


@pytest.mark.parametrize("name", MAILS)
def test_what_is_left_out_changes_no_fact(name: str) -> None:
    one, rules = understander(Dns()), shipped()
    (batch,), alone = one.understand_all([raw(name)]), one.understand(raw(name))
    found = LookupResult(None, DuplicateCheck(Duplicate.NO), facts.NO_HISTORY, CountedFor())
    told = []
    for u in (batch, alone):
        reading = topics.read(u.subject, u.message.text, rules)
        told.append((facts.gather(u, None, found.seen.duplicate, found.history, reading), facts.needs_check(u)))
    assert told[0] == told[1]
