"""The real resolver against a name server on the loopback."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailbot.errors import ResolverUnavailable
from mailbot.sender import plain_dns
from mailbot.sender import resolver as resolving
from mailbot.sender.plain_dns import PlainAnswer
from mailbot.sender.resolver import DnsResolver, Forbearing, RecordType

RECORDS = {
    ("wp.example.", "TXT"): ['"v=spf1 " "-all"'],
    ("wp.example.", "MX"): ["10 mx.wp.example."],
    ("mx.wp.example.", "A"): ["192.0.2.1"],
    ("mx.wp.example.", "AAAA"): ["2001:db8::1"],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["mx.wp.example."],
}

TTL = 300
SOA: list[str] = []
"""What the zone says of names that are not there."""


def answer(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    question = query.question[0]
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    if name in ("broken.example.", "old._domainkey.wp.example."):
        response.set_rcode(dns.rcode.SERVFAIL)
    elif found := RECORDS.get((name, kind)):
        response.answer.append(dns.rrset.from_text(name, TTL, "IN", kind, *found))
    elif not any(name == known for known, _ in RECORDS):
        response.set_rcode(dns.rcode.NXDOMAIN)
    if SOA and not response.answer:
        response.authority.append(dns.rrset.from_text("example.", TTL, "IN", "SOA", *SOA))
    return response


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, client = server.recvfrom(4096)
                if data == b"stop":
                    return
                server.sendto(answer(dns.message.from_wire(data)).to_wire(), client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"stop", server.getsockname())
        thread.join()


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("wp.example", "TXT", ("v=spf1 -all",)),
        ("wp.example", "MX", ("10 mx.wp.example",)),
        ("mx.wp.example", "A", ("192.0.2.1",)),
        ("mx.wp.example", "AAAA", ("2001:db8::1",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mx.wp.example",)),
        ("wp.example", "A", ()),
        ("none.example", "TXT", ()),
        ("a..example", "TXT", ()),
        ("a" * 64 + ".example", "TXT", ()),
        ("\\256._domainkey.wp.example", "TXT", ()),
        ("\u2024._domainkey.wp.example", "TXT", ()),
        ("\\\u00b2._domainkey.wp.example", "TXT", ()),
    ],
)
def test_records_come_in_the_forms_of_the_protocol(
    port: int, name: str, kind: RecordType, expected: tuple[str, ...]
) -> None:
    assert DnsResolver(["127.0.0.1"], port=port).lookup(name, kind) == expected


def test_an_answer_counts_for_its_ttl_and_no_longer(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, now = DnsResolver(["127.0.0.1"], port=port), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert resolver.lookup("wp.example", "TXT") == ("v=spf1 -all",)
    monkeypatch.setitem(RECORDS, ("wp.example.", "TXT"), ['"v=spf1 ?all"'])
    now += 299
    assert resolver.lookup("wp.example", "TXT") == ("v=spf1 -all",)
    now += 2
    assert resolver.lookup("wp.example", "TXT") == ("v=spf1 ?all",)


@pytest.mark.parametrize("there", [True, False])
def test_no_ttl_makes_an_answer_last(port: int, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """Who has had a domain for an hour chooses the TTL."""
    monkeypatch.setattr(sys.modules[__name__], "TTL", 2**31 - 1)
    monkeypatch.setattr(sys.modules[__name__], "SOA", [f"ns.example. root.example. 1 3600 600 86400 {2**31 - 1}"])
    resolver, now = DnsResolver(["127.0.0.1"], port=port), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    name = "wp.example" if there else "key._domainkey.wp.example"
    before = resolver.lookup(name, "TXT")
    monkeypatch.setitem(RECORDS, (f"{name}.", "TXT"), ["theirs"])
    now += 3 * 3600 - 1
    assert resolver.lookup(name, "TXT") == before
    now += 2
    assert resolver.lookup(name, "TXT") == ("theirs",)
    now -= 86400
    assert resolver.known(name, "TXT") is None, "the clock was set right"


def test_a_name_that_is_none_silences_no_domain(port: int) -> None:
    """The selector of a signature is a stranger's, d= is of those whose citizens would wait."""
    resolver = Forbearing(DnsResolver(["127.0.0.1"], port=port))
    assert resolver.lookup("\\256._domainkey.wp.example", "TXT") == ()
    assert resolver.lookup("wp.example", "TXT") == ("v=spf1 -all",)


def test_of_what_strangers_choose_little_is_kept(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "_KEPT", 2)
    monkeypatch.setitem(RECORDS, ("long.example.", "TXT"), [" ".join(f'"{"x" * 200}"' for _ in range(50))])
    resolver = DnsResolver(["127.0.0.1"], port=port)
    for name in ("long.example", "a..example"):
        resolver.lookup(name, "TXT")
        assert resolver.known(name, "TXT") is None
    for kind in ("TXT", "MX", "TXT"):
        resolver.lookup("wp.example", kind)  # type: ignore[arg-type]
    resolver.lookup("mx.wp.example", "A")
    assert (resolver.known("wp.example", "TXT"), resolver.known("wp.example", "MX")) == (None, ("10 mx.wp.example",))


def test_what_counts_no_longer_takes_no_place(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither names that are none, nor what has come to its end."""
    monkeypatch.setattr(resolving, "_KEPT", 2)
    resolver, now = DnsResolver(["127.0.0.1"], port=port), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(sys.modules[__name__], "SOA", ["ns.example. root.example. 1 3600 600 86400 0"])
    resolver.lookup("wp.example", "MX")
    for number in range(3):
        resolver.lookup(f"a..{number}.example", "TXT")
        resolver.lookup(f"none{number}.example", "TXT")
    assert resolver.known("wp.example", "MX") is not None
    now += 200
    monkeypatch.setattr(sys.modules[__name__], "TTL", 60)
    resolver.lookup("mx.wp.example", "A")
    now += 61
    resolver.lookup("mx.wp.example", "AAAA")
    assert resolver.known("wp.example", "MX") is not None, "the newer one had come to its end"


@pytest.mark.parametrize(("name", "kind"), [("none.example", "TXT"), ("wp.example", "A")])
def test_that_there_is_nothing_counts_as_long_as_the_soa_says(
    port: int, monkeypatch: pytest.MonkeyPatch, name: str, kind: RecordType
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOA", ["ns.example. root.example. 1 3600 600 86400 60"])
    resolver, now = DnsResolver(["127.0.0.1"], port=port), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert resolver.known(name, kind) is None
    assert resolver.lookup(name, kind) == ()
    monkeypatch.setitem(RECORDS, (f"{name}.", kind), ["new"] if kind == "TXT" else ["192.0.2.9"])
    now += 59
    assert (resolver.known(name, kind), resolver.lookup(name, kind)) == ((), ())
    now += 2
    assert resolver.known(name, kind) is None
    assert len(resolver.lookup(name, kind)) == 1


def test_what_is_known_of_a_silent_domain_is_that_it_is_silent(port: int) -> None:
    resolver = Forbearing(DnsResolver(["127.0.0.1"], port=port))
    assert resolver.known("wp.example", "TXT") is None
    resolver.lookup("wp.example", "TXT")
    assert resolver.known("wp.example", "TXT") == ("v=spf1 -all",)
    with pytest.raises(ResolverUnavailable):
        resolver.lookup("broken.example", "TXT")
    with pytest.raises(ResolverUnavailable):
        resolver.known("_dmarc.broken.example", "TXT")


def test_what_is_kept_of_a_domain_needs_none_of_its_servers(port: int) -> None:
    """A selector that nobody serves any more is a stranger's to name; the mails of the domain need not wait for it."""
    resolver = Forbearing(DnsResolver(["127.0.0.1"], port=port))
    resolver.lookup("wp.example", "TXT")
    with pytest.raises(ResolverUnavailable):
        resolver.lookup("old._domainkey.wp.example", "TXT")
    assert resolver.known("wp.example", "TXT") == resolver.lookup("wp.example", "TXT") == ("v=spf1 -all",)
    with pytest.raises(ResolverUnavailable):
        resolver.known("_dmarc.wp.example", "TXT")


def test_a_server_that_fails_or_is_silent_is_temporary(port: int) -> None:
    with pytest.raises(ResolverUnavailable):
        DnsResolver(["127.0.0.1"], port=port).lookup("broken.example", "TXT")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(ResolverUnavailable):
            DnsResolver(["127.0.0.1"], port=silent.getsockname()[1], timeout=0.2).lookup("wp.example", "TXT")


def test_servers_that_the_system_names_later_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that got another network asked the servers of the old one until it was started again."""
    system, asked = tmp_path / "resolv.conf", list[str]()

    def ask(server: str, _port: int, names: Sequence[str], _patience: float) -> dict[str, PlainAnswer]:
        asked.append(server)
        return {name: PlainAnswer(0, ()) for name in names}

    monkeypatch.setattr(plain_dns, "ask", ask)
    monkeypatch.setattr(resolving, "_FOLLOW", 0.0)
    system.write_text("nameserver 192.0.2.1\n", encoding="utf-8")
    resolver = DnsResolver(system=system)
    for written in (None, "nameserver 192.0.2.22\n", "# none yet\n", None):
        if written:
            system.write_text(written, encoding="utf-8")
        resolver.lookup("a.example", "TXT")
    system.unlink()
    resolver.lookup("a.example", "TXT")
    assert asked == ["192.0.2.1", *["192.0.2.22"] * 4]
