"""Whom real MXs prove, configured word for word as docs/mx.md says: genuine, forged and injected mail."""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import pytest

from mailbot import config
from mailbot.flow.understand import Understander
from mailbot.model import AuthResult, Envelope, RawMessage, Source
from mailbot.observe import utc_now
from mailbot.secret import Secret
from mailbot.sender.resolver import DnsResolver, Resolver, StaticResolver
from tests.dkim_mails import ALL, FIELDS, GMAIL, ed25519_record, mail, rsa_record, sign
from tests.integration import mx_servers
from tests.integration.mx_servers import Store, hand_over
from tests.integration.servers import Postfix, free_port, own_folder, postfix
from tests.support import ROOT

HOST = "mx.urzad.example"
OUT, RELAY, THIEF, INSIDE = "192.0.2.10", "192.0.2.77", "192.0.2.66", "10.1.2.3"
"""wp.example's own mail server, one that forwards, the attacker's, and the attacker's in our own network."""

ZONE = {
    "wp.example": {"TXT": ["v=spf1 ip4:192.0.2.10 -all"]},
    "_dmarc.wp.example": {"TXT": ["v=DMARC1; p=reject"]},
    "s1._domainkey.wp.example": {"TXT": [rsa_record()]},
    "ed._domainkey.wp.example": {"TXT": [ed25519_record()]},
    "weiter.example": {"TXT": ["v=spf1 ip4:192.0.2.77 -all"]},
    "zle.example": {"TXT": ["v=spf1 ip4:192.0.2.66 -all"]},
    "_dmarc.zle.example": {"TXT": ["v=DMARC1; p=reject"]},
    "s1._domainkey.zle.example": {"TXT": [rsa_record()]},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One mail as it comes to the MX. ``proven``: by what the MX writes; ``signed``: by its signature alone."""

    peer: str
    mail_from: str
    raw: bytes
    proven: bool
    signed: bool = False


@cache
def cases() -> Mapping[str, Case]:
    """Name → mail. Made once: they are of now, and a signature takes a while."""
    now = utc_now()
    fields = [(name, format_datetime(now) if name == "Date" else value) for name, value in FIELDS]
    plain, stamp = mail(fields=fields), f"t={int(now.timestamp())}; "

    def signed(raw: bytes = plain, **how: str) -> bytes:
        return sign(raw, tags=stamp, **how)  # type: ignore[arg-type]

    good, by_thief = signed(), signed(domain="zle.example")
    jan, thief, relay = "jan@wp.example", "zly@zle.example", "srs@weiter.example"
    spf = f"Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip={THIEF}; helo=out.example; "
    spf += f"envelope-from={{}}; receiver={HOST}\r\n"
    results = f"Authentication-Results: {HOST}; "
    every = (
        results + f"dkim=pass header.d=wp.example; spf=pass smtp.mailfrom={jan}; dmarc=pass header.from=wp.example\r\n"
    )
    line = (
        f"Received: from out.wp.example (out.wp.example [{OUT}])\r\n\tby {HOST} (Postfix) with ESMTP id 4XyZ; now\r\n"
    )
    found = {
        "everything": Case(OUT, jan, good, proven=True, signed=True),
        "spf-alone": Case(OUT, jan, plain, proven=True),
        "forwarded": Case(RELAY, relay, good, proven=True, signed=True),
        "forwarded-under-the-old-envelope": Case(RELAY, jan, good, proven=True, signed=True),
        "as-gmail-signs": Case(RELAY, relay, sign(plain, covered=GMAIL, tags=stamp), proven=True, signed=True),
        "twice-signed": Case(
            RELAY, relay, signed(good, algorithm="ed25519-sha256", selector="ed"), proven=True, signed=True
        ),
        "list-above": Case(RELAY, relay, signed(good, domain="zle.example"), proven=True, signed=True),
        "nothing": Case(RELAY, relay, plain, proven=False),
        "forged-from": Case(THIEF, thief, by_thief, proven=False),
        "forged-envelope": Case(THIEF, jan, plain, proven=False),
        "null-envelope": Case(THIEF, "", plain, proven=False),
        "changed": Case(RELAY, relay, good.replace(b"1980", b"1981"), proven=False),
        "half-signed": Case(
            RELAY, relay, sign(plain, covered=[n for n in ALL if n != "subject"], tags=stamp), proven=False
        ),
    }
    injected = {
        "spf-field": spf.format(jan),
        "spf-field-of-another": spf.format("ktos@wp.example"),
        "every-result": every,
        "upper-case": every.replace(HOST, HOST.upper()),
        "with-a-job": every.replace(f" {HOST};", f" {HOST}/4XyZ;"),
        "dkim": results + "dkim=pass header.d=wp.example header.s=s1\r\n",
        "spf": results + f"spf=pass smtp.mailfrom={jan}\r\n",
        "folded": every.replace(f" {HOST}", f"\r\n {HOST}"),
        "with-our-line": every + line,
        "under-our-line": line + every,
        "both": spf.format(jan) + every + line + spf.format(jan) + every,
    }
    for name, text in injected.items():
        for where, peer, envelope in (("jan", THIEF, jan), ("zly", THIEF, thief), ("inside", INSIDE, jan)):
            found[f"injected-{name}-{where}"] = Case(peer, envelope, text.encode() + by_thief, proven=False)
    return found


def documented(heading: str) -> dict[str, str]:
    """The blocks of a section of docs/mx.md by the file that their first line names."""
    page = (ROOT / "docs" / "mx.md").read_text(encoding="utf-8")
    sections = re.split(r"^##+ ", page, flags=re.MULTILINE)
    (text,) = (part for part in sections if part.startswith(heading + "\n"))
    blocks = re.findall(r"^```\w*\n# (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {path.rpartition("/")[2]: block for path, block in blocks}


@dataclass(frozen=True, slots=True)
class Mx:
    """A running MX and how mailbot is told about it."""

    postfix: Postfix
    store: Store
    settings: config.Settings
    resolver: Resolver

    def deliver(self) -> None:
        """Hand over every mail, and wait for the last."""
        for name, case in cases().items():
            hand_over(self.postfix, case.peer, "out.example", case.mail_from, f"{name}@mailbot.example", case.raw)
        deadline = time.monotonic() + 60
        while len(self.store.taken) < len(cases()) and time.monotonic() < deadline:
            time.sleep(0.05)

    def verdict(self, name: str, source: Source) -> AuthResult:
        """What mailbot makes of the delivered mail."""
        raw = self.store.taken.get(f"{name}@mailbot.example")
        assert raw is not None, self.postfix.log()
        mail_from = cases()[name].mail_from if source is Source.LMTP else None
        reader = Understander(self.settings, Secret(bytes(32)), self.resolver)
        u = reader.understand(RawMessage(raw, Envelope(source, mail_from=mail_from), utc_now()))
        return u.sender.authentication.result


def _settings(folder: Path, blocks: Mapping[str, str]) -> config.Settings:
    file = folder / "mailbot.toml"
    file.write_text(blocks["mailbot.toml"])
    return config.load(file, {})


def _main_cf(blocks: Mapping[str, str], ports: Mapping[int, int]) -> str:
    """The documented lines with the ports of this run."""
    text = re.sub(r"(?<=:)\d{4,5}\b", lambda port: str(ports[int(port[0])]), blocks.get("main.cf", ""))
    ours = f"myhostname = {HOST}\nsmtpd_authorized_xclient_hosts = 127.0.0.1\n"
    return text + ours + "smtpd_relay_restrictions = reject_unauth_destination\n"


@pytest.fixture(scope="module")
def dns() -> Iterator[str]:
    with mx_servers.name_server(ZONE) as address:
        yield address


def _opendmarc(stack: ExitStack, folder: Path, blocks: Mapping[str, str], dns: str) -> Mapping[int, int]:
    return {
        8891: stack.enter_context(mx_servers.opendkim(folder, blocks["opendkim.conf"], dns)),
        8893: stack.enter_context(mx_servers.opendmarc(folder, blocks["opendmarc.conf"], dns)),
    }


def _as_shipped(stack: ExitStack, folder: Path, blocks: Mapping[str, str], dns: str) -> Mapping[int, int]:
    """As many run it: the defaults, with the SPF result taken from whatever field stands in the mail."""
    names = f"AuthservID {HOST}\nTrustedAuthservIDs {HOST}\n"
    loose = {"opendkim.conf": f"Mode v\nAuthservID {HOST}\n", "opendmarc.conf": names}
    return _opendmarc(stack, folder, loose, dns)


def _rspamd(stack: ExitStack, folder: Path, blocks: Mapping[str, str], dns: str) -> Mapping[int, int]:
    local = {"milter_headers": blocks["milter_headers.conf"]}
    return {11332: stack.enter_context(mx_servers.rspamd(folder, local, dns))}


def _nothing(stack: ExitStack, folder: Path, blocks: Mapping[str, str], dns: str) -> Mapping[int, int]:
    return {}


_CHAINS = {
    "opendmarc": ("Postfix with OpenDKIM and OpenDMARC", _opendmarc),
    "opendmarc-as-shipped": ("Postfix with OpenDKIM and OpenDMARC", _as_shipped),
    "rspamd": ("Postfix with rspamd", _rspamd),
    "alone": ("Postfix alone", _nothing),
}


@pytest.fixture(scope="module", params=list(_CHAINS))
def mx(request: pytest.FixtureRequest, dns: str) -> Iterator[tuple[str, Mx]]:
    """Each chain with every mail delivered."""
    name: str = request.param
    heading, start = _CHAINS[name]
    blocks = documented(heading)
    with ExitStack() as stack:
        folder = stack.enter_context(own_folder())
        ports = start(stack, folder, blocks, dns)
        store = stack.enter_context(mx_servers.store())
        server = stack.enter_context(postfix(store.port, _main_cf(blocks, ports)))
        # What the MX wrote must prove; only without any filter may mailbot ask for itself.
        resolver = DnsResolver([dns]) if name == "alone" else StaticResolver({})
        running = Mx(server, store, _settings(folder, blocks), resolver)
        running.deliver()
        yield name, running


@pytest.mark.parametrize("source", [Source.LMTP, Source.IMAP])
@pytest.mark.parametrize("name", list(cases()))
def test_genuine_mail_is_proven_and_nobody_elses(mx: tuple[str, Mx], name: str, source: Source) -> None:
    chain, running = mx
    case = cases()[name]
    found = running.verdict(name, source)
    if chain == "alone":
        assert (found is AuthResult.PASS) is case.signed
    elif chain == "opendmarc-as-shipped" and name == "spf-alone":
        assert found is not AuthResult.PASS  # nobody checked SPF
    else:
        assert (found is AuthResult.PASS) is case.proven


@pytest.mark.parametrize("mx", ["opendmarc-as-shipped"], indirect=True)
def test_as_shipped_opendmarc_believes_the_sender(mx: tuple[str, Mx]) -> None:
    """Why a dmarc=pass alone proves nothing."""
    taken = mx[1].store.taken["injected-spf-field-jan@mailbot.example"]
    assert b"dmarc=pass" in taken.partition(b"\r\nReceived:")[0]


@pytest.mark.parametrize("heading", ["Postfix with OpenDKIM and OpenDMARC", "Postfix with rspamd"])
def test_while_the_filter_is_down_the_mail_waits(heading: str) -> None:
    nobody = dict.fromkeys((8891, 8893, 11332), free_port())
    with mx_servers.store() as store, postfix(store.port, _main_cf(documented(heading), nobody)) as server:
        case = cases()["everything"]
        with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)) as refused:
            hand_over(server, case.peer, "out.example", case.mail_from, "jan@mailbot.example", case.raw)
        assert "451" in str(refused.value)
        assert not store.taken
