"""One Received line: who wrote it, whom that host saw."""

from __future__ import annotations

import pytest

from mailbot.sender.received import parse

MX = "mx.urzad.example"


@pytest.mark.parametrize(
    "line",
    [
        "from a by mx.urzad.example; now",
        "FROM a\r\n\tBY MX.Urzad.Example (Postfix)\r\n\twith ESMTP id 1; now",
        "by mx.urzad.example (Postfix, from userid 33) id 1; now",
        "from by (a [192.0.2.1]) by mx.urzad.example; now",
        "from a (by x.example) (using TLSv1.3 (256/256 bits)) by mx.urzad.example(Postfix) with ESMTP; now",
        "from a [192.0.2.1] by mx.urzad.example with SMTP; now",
        '(by x.example) from "a (" (b \\) by x.example) by mx.urzad.example; now',
        "from a (b) by mx.urzad.example for <by@x.example>; now",
    ],
)
def test_the_host_behind_by(line: str) -> None:
    assert parse(f" {line}".encode()).by == MX


@pytest.mark.parametrize(
    "line",
    [
        "",
        "(qmail 1 invoked by uid 89); now",
        "from a (by mx.urzad.example) with ESMTP; now",
        'from a "by mx.urzad.example" with ESMTP; now',
        "from a; by mx.urzad.example",
        "; from a by mx.urzad.example",
        "from a by mx.urzad.example; now by x.example",
        "from a by mx.urzad.example; (b [192.0.2.1]) by x.example; now",
        "from a for b by mx.urzad.example; now",
        "from a by x.example by mx.urzad.example; now",
        "from a by mx.urzad.example (a) by x.example; now",
        'from a by "mx.urzad.example"; now',
        'from a by mx.urzad.example""; now',
        "from a by (x) mx.urzad.example; now",
        "from a by mx.urzad.example (; now",
        "from a by mx.urzad.example ); now",
        'from a by mx.urzad.example " ; now',
        "from a by mx.urzad.example\\; now",
        "from a by mx.urzad.example.; now",
        "from a by\x0bmx.urzad.example; now",
        "from a by mx.urzad.example\x00; now",
        "from a by\xa0mx.urzad.example; now",
        "from a by mx.urzad.example,x; now",
        "from a by \N{CYRILLIC SMALL LETTER EM}x.urzad.example; now",
        "from (a) by mx.urzad.example; now",
        "fr\u043em a by mx.urzad.example; now",
    ],
)
def test_no_line_of_ours(line: str) -> None:
    assert parse(f" {line}".encode()).by != MX


@pytest.mark.parametrize(
    ("origin", "clients", "addresses"),
    [
        ("a (b.example [192.0.2.1])", ("b.example",), ["192.0.2.1"]),
        ("a (root@B.example. [192.0.2.1])", ("b.example",), ["192.0.2.1"]),
        ("a (unknown [192.0.2.1])", ("unknown",), ["192.0.2.1"]),
        ("a (b.example [192.0.2.1] (may be forged))", ("unknown",), ["192.0.2.1"]),
        ("a (b.example [IPv6:2001:db8::1])", ("b.example",), ["2001:db8::1"]),
        ("a (b.example [::ffff:192.0.2.1])", ("b.example",), ["192.0.2.1"]),
        ("[127.0.0.1] (b.example [192.0.2.1])", ("b.example",), ["192.0.2.1"]),
        ("a (c.example [127.0.0.1]) (b.example [192.0.2.1])", ("c.example", "b.example"), ["127.0.0.1", "192.0.2.1"]),
        ("a ([192.0.2.1])", (), ["192.0.2.1"]),
        ("a (192.0.2.1)", (), ["192.0.2.1"]),
        ("a ([192.0.2.1]:25 helo=[127.0.0.1])", (), ["192.0.2.1"]),
        ("[192.0.2.1] (helo=[127.0.0.1])", (), ["192.0.2.1"]),
        ("[192.0.2.1] (port=25 helo=[127.0.0.1])", (), ["192.0.2.1"]),
        ("unknown (HELO [127.0.0.1]) (192.0.2.1)", (), ["192.0.2.1"]),
        ("b.example (HELO [127.0.0.1])", (), []),
        ("b.example (EHLO x [127.0.0.1])", (), ["127.0.0.1"]),
        ("[127.0.0.1]", (), []),
        ("a", (), []),
    ],
)
def test_whom_the_host_saw(origin: str, clients: tuple[str, ...], addresses: list[str]) -> None:
    hop = parse(f" from {origin} by mx.urzad.example with ESMTP id 4; now".encode())
    assert (hop.clients, [str(a) for a in hop.addresses]) == (clients, addresses)
    assert (hop.protocol, hop.queue_id) == ("esmtp", "4")


@pytest.mark.parametrize(
    ("rest", "itself", "inside"),
    [
        ("from a (a [127.0.0.1]) by b with ESMTP", True, True),
        ("from a (a [::1]) by b with ESMTP", True, True),
        ("from a by b with LMTP", True, False),
        ("from a (a [10.1.2.3]) by b with ESMTP", False, True),
        ("from a (a [203.0.113.1]) by b with ESMTP", False, False),
        ("from a (a [127.0.0.1]) (b [203.0.113.1]) by b with ESMTP", False, False),
        ("from [127.0.0.1] by b with ESMTP", False, False),
        ("by b with ESMTP", False, False),
        ("from a (with LMTP) by b (with LMTP) with ESMTP for <with>", False, False),
    ],
)
def test_mail_of_the_host_itself(rest: str, itself: bool, inside: bool) -> None:
    hop = parse(rest.encode())
    assert (hop.from_itself, hop.from_inside) == (itself, inside)
