"""The roads that a mail may take, each a run of mailbot, and what stands beside them on the same machine."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from fixtures.signing import citizens as applicants
from fixtures.signing.pki import Pki
from tests import postgres
from tests.bench import lmtp, locks, runs, subject
from tests.bench.installation import Installation, copy, in_folder, install
from tests.bench.mails import Citizen, application, citizens
from tests.bench.relay import first, sink
from tests.bench.runs import ENVELOPE_FROM, Mails, Run
from tests.dkim_mails import rsa_record, sign
from tests.integration.mx_servers import name_server, seeing
from tests.integration.servers import dovecot, free_port, postfix

_PDF = 200_000
_EACH = 3  # further mails of one citizen, for as many as leave no doubt that he is no machine
_MODEST = 20.0  # mails a second, as an office has them in its worst hour
_SIGNED = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding")
_APPLICATIONS = 50
_NAMES = ("Adam Szymański", "Ewa Mazur", "Piotr Dudek", "Zofia Baran", "Jan Wróbel")


@dataclass
class Bench:
    """What all runs share. ``folder``: where their databases lie; ``mails``: in one run."""

    folder: Path
    mails: int
    connections: int
    people: list[Citizen]
    supply: Mails
    size: int

    @cached_property
    def empty(self) -> Installation:
        """An installation without tickets, to be copied."""
        return install(in_folder(self.folder / "empty"), self.people)

    @contextmanager
    def copied(self) -> Iterator[Installation]:
        """A copy of the empty one."""
        with copy(self.empty, "run") as where:
            yield where

    # SQLite, LMTP

    def committed(self) -> Run:
        """2 KB by LMTP → ticket and three mails, committed."""
        with self.copied() as where:
            return runs.over_lmtp(where, self.supply.take(self.mails), self.connections)

    def delivered(self) -> Run:
        """The same, until the relay has all three mails and this is recorded."""
        with self.copied() as where, sink(where.folder) as relay:
            return runs.over_lmtp(where, self.supply.take(self.mails), self.connections, relay)

    def pdf(self) -> Run:
        """A mail with a PDF of 200 KB that means nothing in case A."""
        scan = ("skan.pdf", "application/pdf", b"%PDF-1.7\n" + random.Random(1).randbytes(_PDF))
        with self.copied() as where:
            return runs.over_lmtp(where, self.supply.take(self.mails // 4, [scan]), self.connections)

    def refused(self) -> Run:
        """Mail of people whom the registry does not know: a ticket, and the refusal that leaves later."""
        strangers = Mails([replace(one, login=f"obcy.{one.login}") for one in self.people], 2_048)
        with self.copied() as where:
            return runs.decided(where, strangers.take(self.mails), self.connections)

    def own(self, *, known: bool = False) -> Run:
        """2 KB by SMTP, signed, whose SPF, DKIM and DMARC mailbot checks itself by a name server on this machine.

        Nearly every mail comes from a domain that nobody asked about; ``known``: every one from one that wrote before.
        """
        count = self.mails // 2
        people = self.people[: math.ceil(count / _EACH)] if known else self.people
        supply = Mails(people, self.size) if known else self.supply
        domains = [one.login.partition("@")[2] for one in people]
        zone = {f"s1._domainkey.{domain}": {"TXT": [rsa_record()]} for domain in domains}
        zone |= {f"_dmarc.{domain}": {"TXT": ["v=DMARC1; p=reject"]} for domain in domains}
        with self.copied() as where, name_server(zone) as address:
            port = free_port()
            with subject.running(
                where, runs.listening(port, "smtp"), seeing=partial(seeing, address, where.folder)
            ) as bot:
                before = [_signed(raw) for raw in supply.take(len(people))] if known else []
                asyncio.run(lmtp.send(port, before, ENVELOPE_FROM, self.connections, hello="EHLO"))
                bot.wait(len(before), subject.decided)
                raws = [_signed(raw) for raw in supply.take(count)]
                with runs.measuring(bot, where, len(raws)) as measured:
                    waits = asyncio.run(lmtp.send(port, raws, ENVELOPE_FROM, self.connections, hello="EHLO"))
                    bot.wait(len(before) + len(raws), subject.decided)
                subject.check(bot.engine, 0, 0, len(before) + len(raws))
        return replace(measured.run, waits=tuple(sorted(waits)))

    # Case B beside case A

    def beside(self) -> Run:
        """Case A while applications wait for their check: seconds from the 250 to the decision of those of case A."""
        return self._beside(min(_APPLICATIONS, self.mails // 8))

    def alone(self) -> Run:
        """The same mails without them."""
        return self._beside(0)

    def _beside(self, count: int) -> Run:
        with self.copied() as where:
            pki = Pki(datetime.now(UTC))
            pki.write_trust(where.folder / "trust", pki.revocations())
            waiting, raws = [_application(n, pki) for n in range(count)], self.supply.take(self.mails // 4)
            port = free_port()
            trust = f'[trust]\ndirectory = "{where.folder / "trust"}"\n'
            with subject.running(where, runs.listening(port) + trust) as bot:
                asyncio.run(lmtp.send(port, waiting, ENVELOPE_FROM, self.connections))
                with runs.measuring(bot, where, len(raws)) as measured:
                    asyncio.run(lmtp.send(port, raws, ENVELOPE_FROM, 4))
                    bot.wait(len(raws), subject.granted)
                took = subject.thought(bot.engine)
        return replace(measured.run, waits=tuple(took))

    # How long a citizen waits

    def latency(self, applications: int) -> Run:
        """A modest rate, all roles, ``applications`` wait for their check: seconds from the 250 to the first mail."""
        with self.copied() as where, sink(where.folder, log := where.folder / "came") as relay:
            pki = Pki(datetime.now(UTC))
            pki.write_trust(where.folder / "trust", pki.revocations())
            waiting = [_application(n, pki) for n in range(applications)]
            raws = {_message_id(raw): raw for raw in self.supply.take(self.mails // 4)}
            port = free_port()
            more = f'[trust]\ndirectory = "{where.folder / "trust"}"\n{runs.relaying(relay.port)}'
            with subject.running(where, runs.listening(port) + more, ("ingress", "worker", "delivery")) as bot:
                asyncio.run(lmtp.send(port, waiting, ENVELOPE_FROM, self.connections))
                with runs.measuring(bot, where, len(raws)) as measured:
                    stored = asyncio.run(lmtp.paced(port, raws, ENVELOPE_FROM, 4, _MODEST))
                    bot.wait(3 * len(raws), subject.answered)
                decided = subject.decided_at(bot.engine)
            came = first(log)
        thought = sorted(decided[row] - at for at, row in stored.values())
        more_told = (
            ("decided_p50_ms", 1e3 * runs.quantile(thought, 0.5)),
            ("decided_p99_ms", 1e3 * runs.quantile(thought, 0.99)),
        )
        return replace(measured.run, waits=tuple(sorted(came[one] - stored[one][0] for one in raws)), more=more_told)

    # The outbox

    @cached_property
    def full(self) -> Installation:
        """An installation whose outbox holds three mails for each of its tickets."""
        where = install(in_folder(self.folder / "full"), self.people)
        runs.over_lmtp(where, self.supply.take(self.mails), self.connections)
        return where

    def backlog(self) -> Run:
        """Mails sent to a relay that takes all at once, from an outbox that is full."""
        with copy(self.full, "run") as where, sink(where.folder) as relay:
            return runs.backlog(where, relay.port)

    def into_postfix(self) -> Run:
        """The same into a real Postfix."""
        with copy(self.full, "run") as where, sink(where.folder) as end, postfix(end.port, to_sink(end.port)) as server:
            return runs.backlog(where, server.smtp)

    # PostgreSQL

    def postgresql(self, workers: int) -> Run:
        """2 KB by LMTP into PostgreSQL, with so many processes that decide."""
        with ExitStack() as stack:
            server = stack.enter_context(postgres.server(measured=True))
            where = install(Installation(self.folder / "pg", server.url), self.people)
            port, raws = free_port(), self.supply.take(self.mails)
            listener = stack.enter_context(subject.running(where, runs.listening(port), ("ingress",)))
            deciding = stack.enter_context(subject.running(where, "", ("worker",), processes=("",) * workers))
            both = replace(deciding, pids=(*listener.pids, *deciding.pids))
            with locks.watched(both.engine) as seen, runs.measuring(both, where, len(raws)) as measured:
                waits = asyncio.run(lmtp.send(port, raws, ENVELOPE_FROM, self.connections))
                both.wait(len(raws), subject.last_ticket)
            subject.check(both.engine, 0, 0, len(raws))
        return replace(measured.run, waits=tuple(sorted(waits)), more=seen.told(len(raws)))

    def imap(self) -> Run:
        """2 KB from a mailbox of a real Dovecot, moved there when stored."""
        with dovecot() as server, self.copied() as where:
            return runs.over_imap(where, self.supply.take(self.mails), server)

    def roads(self) -> Mapping[str, tuple[str, Callable[[], Run]]]:
        """Name → what one unit is, and the run."""
        return {
            "committed": ("ticket", self.committed),
            "delivered": ("ticket", self.delivered),
            "backlog": ("mail", self.backlog),
            "into Postfix": ("mail", self.into_postfix),
            "PDF of 200 KB": ("ticket", self.pdf),
            "refused": ("ticket", self.refused),
            "own DKIM by SMTP, new domains": ("ticket", self.own),
            "own DKIM by SMTP, known domains": ("ticket", partial(self.own, known=True)),
            "IMAP": ("ticket", self.imap),
            "case A alone": ("ticket", self.alone),
            "case A beside case B": ("ticket", self.beside),
            "first mail, alone": ("ticket", partial(self.latency, 0)),
            "first mail, beside case B": ("ticket", partial(self.latency, min(_APPLICATIONS, self.mails // 8))),
            "PostgreSQL, one worker": ("ticket", partial(self.postgresql, 1)),
            "PostgreSQL, two workers": ("ticket", partial(self.postgresql, 2)),
        }


def prepare(folder: Path, mails: int, size: int, accounts: int, connections: int) -> Bench:
    """A bench in an empty ``folder``; the people of its applications have accounts as well."""
    people = citizens(accounts)
    supply = Mails(people, size)
    return Bench(folder, mails, connections, [*people, *map(_applicant, range(_APPLICATIONS))], supply, size)


def to_sink(port: int) -> str:
    """Lines of main.cf: everything goes to the sink."""
    return f"default_transport = lmtp:inet:127.0.0.1:{port}\nrelay_transport = lmtp:inet:127.0.0.1:{port}\n"


def _signed(raw: bytes) -> bytes:
    """``raw`` as it came, before our MX wrote above it, under the signature of its sender's domain."""
    sent = raw[raw.index(b"Date: ") :]
    domain = re.search(rb"^From:.*@([\w.]+)", sent, re.MULTILINE)
    assert domain is not None
    return sign(sent, covered=_SIGNED, tags="", domain=domain[1].decode())


def _message_id(raw: bytes) -> str:
    found = re.search(rb"^Message-ID: <(.*)>", raw, re.MULTILINE)
    assert found is not None
    return found[1].decode()


def _applicant(n: int) -> Citizen:
    given, _, surname = _NAMES[n % len(_NAMES)].partition(" ")
    sex = "K" if given.endswith("a") else "M"
    return Citizen(f"wnioskodawca{n}@dawna{n}.example", given, surname, sex, 1980)


def _application(n: int, pki: Pki) -> bytes:
    """The mail of somebody who has lost his old address, with a signed PDF."""
    who, new = _applicant(n), f"wnioskodawca{n}@nowa{n}.example"
    app = {"name": f"{who.given} {who.surname}", "old": who.login, "new": new}
    spec = {"name": "wniosek.pdf", "kind": "pades-qualified", "app": app, "year": who.year}
    return application(who, n, new, applicants.build_attachment(spec, pki))
