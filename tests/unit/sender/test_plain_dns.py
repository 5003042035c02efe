"""The plain way to ask the DNS says what dnspython says, or nothing."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.sender import plain_dns, resolver
from mailbot.sender.plain_dns import PlainAnswer, answer_of, question_of
from mailbot.sender.resolver import DnsResolver

NAME = "_dmarc.Poczta1.example"
NUMBER = b"\x12\x34"
SOA = ("SOA", 900, "ns.example. root.example. 1 3600 600 86400 60")
Record = tuple[str, str, int, str]
"""Owner, kind, TTL, data."""
TEXT: Record = (NAME, "TXT", 300, '"v=DMARC1; p=reject"')
HALVES: Record = (NAME, "TXT", 30, '"v=DKIM1; p=" "\\195\\179"')


def packet(*records: Record, soa: str | None = "example", code: str = "NOERROR", flags: int = 0) -> bytes:
    """What a server says to the question for the texts of NAME."""
    query = dns.message.make_query(f"{NAME}.", "TXT", id=int.from_bytes(NUMBER))
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA | flags
    response.set_rcode(dns.rcode.from_text(code))
    for owner, kind, ttl, data in records:
        response.answer.append(dns.rrset.from_text(f"{owner}.", ttl, "IN", kind, data))
    if soa is not None and not records:
        response.authority.append(dns.rrset.from_text(f"{soa}.", SOA[1], "IN", SOA[0], SOA[2]))
    return response.to_wire()


def by_dnspython(octets: bytes) -> PlainAnswer:
    """Raises DNSException, ValueError."""
    response = dns.message.from_wire(octets)
    assert isinstance(response, dns.message.QueryMessage)
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or response.flags & dns.flags.TC:
        raise ValueError("a failure")
    told = response.resolve_chaining()
    texts = tuple(b"".join(record.strings).decode("latin-1") for record in told.answer or ())
    return PlainAnswer(told.minimum_ttl, texts)


def plainly(octets: bytes) -> PlainAnswer | None:
    question = question_of(NAME)
    assert question is not None
    return answer_of(octets, NUMBER, question)


PLAIN = {
    "a text": packet(TEXT),
    "a text of two strings": packet(HALVES),
    "two texts": packet(TEXT, HALVES),
    "the same text twice": packet(TEXT, TEXT),
    "an empty text": packet((NAME, "TXT", 5, '""')),
    "the longest TTL": packet((NAME, "TXT", 2**31 - 1, '"x"')),
    "no text": packet(),
    "no such name": packet(code="NXDOMAIN"),
    "no such name, says its own zone": packet(code="NXDOMAIN", soa="Poczta1.example"),
    "authenticated": packet(TEXT, flags=dns.flags.AD | dns.flags.AA),
}
ODD = {
    "an alias": packet((NAME, "CNAME", 300, "other.example."), ("other.example", "TXT", 300, '"x"')),
    "another name": packet(("other.example", "TXT", 300, '"x"')),
    "another kind": packet((NAME, "A", 300, "192.0.2.1")),
    "a failure": packet(code="SERVFAIL"),
    "cut off": packet(TEXT, flags=dns.flags.TC),
    "a name that is not there and has a text": packet(TEXT, code="NXDOMAIN"),
    "nothing, nobody says for how long": packet(soa=None),
    "nothing, says a zone beside it": packet(soa="elsewhere.test"),
    "another number": b"\x12\x35" + packet(TEXT)[2:],
    "another question": packet(TEXT).replace(b"Poczta1", b"Poczta2", 1),
    "no answer but the question": packet(TEXT)[:2] + b"\x01" + packet(TEXT)[3:],
    "nothing at all": b"",
    "octets behind the text": packet(TEXT) + b"\0",
    "octets behind the SOA": packet() + b"\0",
    "more records than there are": packet(TEXT)[:11] + b"\1" + packet(TEXT)[12:],
    "an SOA that is cut": packet()[:-8],
    "an SOA of no names": packet().replace(b"\x04root", b"\x40root"),
    "a number": NUMBER,
}


@pytest.mark.parametrize("octets", PLAIN.values(), ids=PLAIN)
def test_what_is_plain_is_read_as_dnspython_reads_it(octets: bytes) -> None:
    assert plainly(octets) == by_dnspython(octets)
    assert plainly(octets.replace(b"Poczta1", b"pOCZTA1", 1)) == by_dnspython(octets), "servers keep no case"


@pytest.mark.parametrize("octets", ODD.values(), ids=ODD)
def test_what_is_not_is_left_to_it(octets: bytes) -> None:
    assert plainly(octets) is None


@given(st.sampled_from([*PLAIN.values(), *ODD.values()]), st.data())
def test_whatever_a_server_sends_nothing_else_is_read(octets: bytes, data: st.DataObject) -> None:
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 3)) if octets else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    sent = bytes(changed)[: data.draw(st.integers(0, len(changed)))]
    found = plainly(sent)
    try:
        expected = by_dnspython(sent)
    except (dns.exception.DNSException, ValueError):
        assert found is None, "what dnspython refuses is no answer, and above all not that there is none"
        return
    if found is not None:
        assert found.texts == expected.texts
        assert found.seconds == expected.seconds or not found.texts  # whose SOA it is counts for absence alone


@pytest.mark.parametrize("name", ["", "example", "a..example", "a" * 64 + ".example", "\\256.example", "ż.example"])
def test_names_that_need_thought_are_left_to_dnspython(name: str) -> None:
    assert question_of(name) is None


def test_a_question_is_the_one_that_dnspython_asks() -> None:
    asked = dns.message.make_query("s1._domainkey.wp.example.", "TXT", id=int.from_bytes(NUMBER)).to_wire()
    assert NUMBER + plain_dns._ASKING + (question_of("s1._domainkey.wp.example") or b"") == asked
    assert question_of(".".join(["a" * 49] * 5)) is not None
    assert question_of(".".join(["a" * 50] * 5)) is None


def test_a_server_that_is_slow_is_left_to_dnspython_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows other servers; and together they take no longer than one question may."""
    asked: list[float] = []
    monkeypatch.setattr(plain_dns, "ask", lambda *given: asked.append(given[3]) or time.sleep(given[3]) or {})
    limits: list[float] = []

    def failing(*_: object, lifetime: float, **__: object) -> None:
        limits.append(lifetime)
        raise dns.exception.Timeout

    found = DnsResolver(["127.0.0.1"], port=1, timeout=0.2)
    monkeypatch.setattr(found._resolver, "resolve", failing)
    for _ in range(3):
        with pytest.raises(resolver.ResolverUnavailable):
            found.lookup("wp.example", "TXT")
    assert asked == [0.1]
    assert limits[0] <= 0.1
    assert limits[1:] == [pytest.approx(0.2, abs=0.05)] * 2


def test_nobody_else_can_answer() -> None:
    """Each question has a number and a port of its own, and only the server's address is heard."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        for _ in range(8):
            assert plain_dns.ask("127.0.0.1", port, [NAME], 0.001) == {}
        seen = [server.recvfrom(512) for _ in range(8)]
    assert min(len({octets[:2] for octets, _ in seen}), len({client for _, client in seen})) >= 7, "two may be the same"
