"""From is a security boundary: one strict mailbox or a person looks."""

from __future__ import annotations

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.model import Header
from mailbot.parsing.headers import split
from mailbot.sender.header_block import MAX_BLOCK, HeaderBlock, inspect
from mailbot.sender.mailbox import read_from, read_mailbox

LOGIN = "ofiara@example.pl"

CLEAN = [
    (b" jan@example.pl", "jan@example.pl"),
    (b"jan@example.pl", "jan@example.pl"),
    (b" <jan@example.pl>", "jan@example.pl"),
    (b" Jan Kowalski <jan@wp.example>", "jan@wp.example"),
    (b" Jan Kowalski <jan@wp.example> ", "jan@wp.example"),
    (b' "Kowalski, Jan" <jan@wp.example>', "jan@wp.example"),
    (b' "Kowalski, Jan"<jan@wp.example>', "jan@wp.example"),
    (b" Jan P. Kowalski <jan@wp.example>", "jan@wp.example"),
    (b" jan.kowalski <jan@wp.example>", "jan@wp.example"),
    (b" O'Hara-Nowak & Syn <biuro@agencja.example>", "biuro@agencja.example"),
    (b" =?iso-8859-2?Q?=AFaneta_=A6wi=EAta?= <jan@wp.example>", "jan@wp.example"),
    (b" =?UTF-8?B?xbthbmV0YQ==?= =?UTF-8?B?IMWad2nEmXRh?= <jan@wp.example>", "jan@wp.example"),
    (b" =?UTF-8?B?xbthbmV0YQ==?=\r\n =?UTF-8?B?IMWad2nEmXRh?=\r\n\t<jan@wp.example>", "jan@wp.example"),
    (b' "=?utf-8?Q?=C5=BBaneta?=" <jan@wp.example>', "jan@wp.example"),
    (b" =?windows-1250?Q?=8Cwi=EAta?= <jan@wp.example>", "jan@wp.example"),
    (b" =?iso-8859-2?Q?=8Cwi=EAta?= <jan@wp.example>", "jan@wp.example"),
    (b" =?x-unknown?Q?=8Cwi=EAta?= <jan@wp.example>", "jan@wp.example"),
    (b" =?unicode_escape?Q?=5Cd?= <jan@wp.example>", "jan@wp.example"),
    (b" =?utf-8?B?x?= <jan@wp.example>", "jan@wp.example"),
    (" Żaneta Święta <jan@wp.example>".encode(), "jan@wp.example"),
    (" Żaneta Święta <jan@wp.example>".encode("iso-8859-2"), "jan@wp.example"),
    (b" Jan\r\n Kowalski <jan@wp.example>", "jan@wp.example"),
    (b" Jan\n\tKowalski <jan@wp.example>", "jan@wp.example"),
    (b" JAN@WP.EXAMPLE", "JAN@wp.example"),
    (b" POSTMASTER@WP.EXAMPLE", "postmaster@wp.example"),
    (b" jan@example.pl (Jan)", "jan@example.pl"),
    (b" Jan (Firma) Kowalski <jan@wp.example>", "jan@wp.example"),
    (b" Jan <jan@wp.example> (Firma)", "jan@wp.example"),
    (b" jan+urzad@wp.example", "jan+urzad@wp.example"),
    ("jan@żółw.pl".encode(), "jan@xn--w-uga1v8h.pl"),
    ("jan@ŻÓŁW.pl".encode(), "jan@xn--w-uga1v8h.pl"),
    (b"jan@xn--w-uga1v8h.pl", "jan@xn--w-uga1v8h.pl"),
    ("Józef <józef@wp.example>".encode(), "józef@wp.example"),
    (b" jan@wp.example <jan@wp.example>", "jan@wp.example"),
    (b" jan@wp.example<jan@wp.example> ", "jan@wp.example"),
    (b" jan@WP.example\r\n <jan@wp.EXAMPLE>", "jan@wp.example"),
    (" jan@żółw.pl <jan@xn--w-uga1v8h.pl>".encode(), "jan@xn--w-uga1v8h.pl"),
    # what only looks like an address does not count: the address is the one in brackets (C151)
    (b' "jan.kowalski@wp.example" <zly@zle.example>', "zly@zle.example"),
    (b" =?utf-8?Q?ofiara=40example.pl?= <zly@zle.example>", "zly@zle.example"),
    (b" =?utf-8?Q?ofiara=40example.pl=2C_zly?= <zly@zle.example>", "zly@zle.example"),
    (rb' "Jan \"Janek\" Kowalski" <jan@wp.example>', "jan@wp.example"),
]

AMBIGUOUS = [
    b"",
    b" ",
    b"<>",
    b"Jan <>",
    b"Jan Kowalski",
    b"jan",
    b"ofiara@example.pl, zly@zle.example",
    b"ofiara@example.pl,<zly@zle.example>",
    b"a@x.pl; b@y.pl",
    b"ofiara@example.pl zly@zle.example",
    b"<ofiara@example.pl>, <zly@zle.example>",
    b"<ofiara@example.pl> <zly@zle.example>",
    b"<ofiara@example.pl><zly@zle.example>",
    rb"<ofiara@example.pl>\,<zly@zle.example>",
    b"ofiara@example.pl <zly@zle.example>",
    b"Ofiara@example.pl <ofiara@example.pl>",
    b"ofiara@example.pl <ofiara@example.pl.zle.example>",
    b"ofiara@example.pl Jan <ofiara@example.pl>",
    b"Jan ofiara@example.pl <ofiara@example.pl>",
    b"ofiara@example.pl ofiara@example.pl <ofiara@example.pl>",
    b"ofiara@example.pl, <ofiara@example.pl>",
    b"ofiara@example.pl, ofiara@example.pl",
    b"<ofiara@example.pl> <ofiara@example.pl>",
    b"ofiara@example.pl <ofiara@example.pl> (Jan)",
    b"'ofiara@example.pl' <ofiara@example.pl>",
    b"ofiara@example.pl: <ofiara@example.pl>;",
    b"ofiara@example.pl] <ofiara@example.pl>",
    b"ofiara <ofiara",
    b"=?utf-8?Q?ofiara?=@example.pl <=?utf-8?Q?ofiara?=@example.pl>",
    "jan@wp.example\u200b <jan@wp.example>".encode(),
    b"ofiara@example.pl]<zly@zle.example>",
    b"ofiara@example.pl)<zly@zle.example>",
    b"ofiara@example.pl)zly@zle.example",
    b"ofiara@example.pl(zly@zle.example",
    b"(ofiara@example.pl)<zly@zle.example>",
    b"(Jan)<zly@zle.example>",
    b"Jan [Firma] <zly@zle.example>",
    b"<@a.example,@b.example:ofiara@example.pl>",
    b"<@a.example:ofiara@example.pl>",
    b"grp: ofiara@example.pl;",
    b"grp:;",
    b"undisclosed: <ofiara@example.pl>;",
    b"Jan <jan@example.pl",
    b"Jan jan@example.pl>",
    b'"Jan <jan@example.pl>',
    b'Jan" <jan@example.pl>',
    rb'"Jan \" <ofiara@example.pl>" <zly@zle.example>',
    b'"<ofiara@example.pl>" <zly@zle.example>',
    b'"jan kow"@example.pl',
    b'<"jan kow"@example.pl>',
    b"jan(x)@example.pl",
    b"jan@(x)example.pl",
    b"(x)jan@example.pl",
    b"jan@example.pl (((Jan)))",
    b"jan @ example.pl",
    b"< jan@example.pl >",
    b"a@b@example.pl",
    b"jan@example.pl.",
    b"jan@[192.0.2.1]",
    b".jan@example.pl",
    b"jan..k@example.pl",
    b"<jan@example.pl> Kowalski",
    b"<jan@example.pl>, ",
    b"jan@example.pl,",
    b"ofiara@example.pl\x00 <zly@zle.example>",
    b"ofiara@example.pl\x00@zle.example",
    b"Jan\x07 <ofiara@example.pl>",
    b"Jan\x7f <ofiara@example.pl>",
    b"ofiara@example.pl\r <zly@zle.example>",
    b"ofiara@example.pl\n<zly@zle.example>",
    b"ofiara@example.pl\r\nX: y",
    b"=?utf-8?Q?ofiara=40example.pl?=",
    b"=?utf-8?Q?ofiara?=@example.pl",
    b"<=?utf-8?Q?ofiara?=@example.pl>",
    b"Jan <ofiara@=?utf-8?Q?example.pl?=>",
    b"=?utf-8?Q?a=0D=0AX?= <zly@zle.example>",
    b"=?utf-8?Q?ofiara=40example.pl=00?= <zly@zle.example>",
    b"=?utf-8?Q?=3Cofiara=40example.pl=3E?= <zly@zle.example>",
    b"=?utf-7?Q?+ADw-ofiara+AEA-example.pl+AD4-?= <zly@zle.example>",
    b'"=?utf-8?B?PG9maWFyYUBleGFtcGxlLnBsPg==?=" <zly@zle.example>',
    b"jan@wp.example (=?utf-8?Q?=3Ca=3E?=)",
    "jan@ｅxample.pl".encode(),
    "jan@example。pl".encode(),
    "jan@ex\u00adample.pl".encode(),
    "jan\u200b@example.pl".encode(),
    "jan\u202e@example.pl".encode(),
    "jo\u0301zef@example.pl".encode(),
    b"jan@xn--zzzzzzzz.pl",
    b"j\xf3zef@example.pl",
    b"=?utf-8?Q?Jan =3Cofiara=40example.pl=3E?= <zly@zle.example>",
    b"a" * 500 + b"@example.pl",
    b"a" * 5_000 + b" <jan@example.pl>",
]


@pytest.mark.parametrize(("value", "address"), CLEAN)
def test_what_real_clients_send_is_read(value: bytes, address: str) -> None:
    author = read_mailbox(value)
    assert (author.address, author.ambiguity) == (address, None)


@pytest.mark.parametrize("value", AMBIGUOUS)
def test_what_readers_may_read_differently_is_refused(value: bytes) -> None:
    author = read_mailbox(value)
    assert author.address is None
    assert author.ambiguity


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("From", "From"),
        ("From", "from"),
        ("From", "From "),
        ("From\t",),
        ("\ufeffFrom",),
        ("From\x00",),
        ("From", "Fr\x00om"),
        ("Sender",),
        ("Reply-To",),
        ("X-From",),
        ("Resent-From",),
    ],
)
def test_there_must_be_one_from_field_by_that_very_name(names: tuple[str, ...]) -> None:
    author = read_from([Header(name, LOGIN.encode()) for name in names])
    assert author.address is None
    assert author.ambiguity


def test_sender_and_reply_to_never_count() -> None:
    headers = [Header("Sender", b"a@x.example"), Header("FROM", b"jan@wp.example"), Header("Reply-To", b"b@x.example")]
    assert read_from(headers).address == "jan@wp.example"


def seen(raw: bytes) -> HeaderBlock:
    """As the check of a sender sees it, which knows what we read there."""
    found = inspect(raw)
    assert inspect(raw, split(raw).fields) == found
    return found


GOOD = b"Received: x\r\nFrom: jan@wp.example\r\nSubject: from: a\r\n From: b\r\n\r\nFrom: c@x.example\r\n"


def test_an_ordinary_header_block_has_no_doubt() -> None:
    for raw in (GOOD, GOOD.replace(b"\r\n", b"\n"), b"From a@x Mon Jan 1\r\n" + GOOD, GOOD.partition(b"\r\n\r\n")[0]):
        assert seen(raw) == HeaderBlock(None, ())


@pytest.mark.parametrize(
    "raw",
    [
        b" From: login@wp.example\r\n" + GOOD,
        b"\tX: y\r\n" + GOOD,
        b"From : login@wp.example\r\n" + GOOD,
        b"From\r\n : login@wp.example\r\n" + GOOD,
        b"From\x00: login@wp.example\r\n" + GOOD,
        b"X: y\r\n\xef\xbb\xbfFrom: login@wp.example\r\n" + GOOD,
        b"fROM: login@wp.example\r\n" + GOOD,
        b"X: y\nFrom: login@wp.example\r\n" + GOOD,
        b"X: y\rFrom: login@wp.example\r\n" + GOOD,
        b"X: y\nFrom: login@wp.example\r\nTo: b@x.example\r\n\r\n",
        b"From: login@wp.example\nX: y\r\nTo: b@x.example\r\n\r\n",
        b"From: login@wp.example\n <zly@zle.example>\r\nTo: b@x.example\r\n\r\n",
        b"X: y\r\nFrom: login@wp.example\r\n\nFrom: zly@zle.example\r\n\r\n",
        b"From : login@wp.example\r\n\r\n",
        b"To: b@x.example\r\n\r\nFrom: login@wp.example\r\n",
        b"",
        b"X: " + b"a" * MAX_BLOCK + b"\r\n" + GOOD,
    ],
)
def test_a_from_that_others_may_see_is_a_doubt(raw: bytes) -> None:
    assert seen(raw).from_doubt


SINGLE = b"Subject: s\r\nDate: d\r\nTo: t\r\nMessage-Id: m\r\nContent-Type: c\r\nFrom: jan@wp.example\r\n\r\nTo: x\r\n"


@pytest.mark.parametrize(
    ("name", "doubled"),
    [
        (b"Subject", ("subject",)),
        (b"subject ", ("subject",)),
        (b"Sub\x00ject", ("subject",)),
        (b"Date", ("date",)),
        (b"TO", ("to",)),
        (b"Message-ID", ("message-id",)),
        (b"Content-Type", ("content-type",)),
        (b"FROM", ("from",)),
        (b"X-Subject", ()),
        (b"Received", ()),
    ],
)
def test_doubled_fields_are_named(name: bytes, doubled: tuple[str, ...]) -> None:
    assert seen(name + b": x\r\n" + SINGLE).doubled == doubled


_lines = st.sampled_from(
    [
        *(b"From: jan@wp.example\r\n", b"from: b\r\n", b"Fr.om: c\r\n", b"From:d\r\n", b"From : e\r\n"),
        *(b"From:  f\r\n", b" From: h\r\n", b"X: y\r From: g\r\n", b"X: y\rDate: d\r\n", b"X:\r\n", b"X: \r\n"),
        *(b"Subject: s\r\n", b"subject: t\n", b"To: a,\r\n b\r\n", b"To: a\n b\r\n", b"no field\r\n"),
        *(b"\tz\r\n", b" \r\n", b"\r\n", b"\n", b"\r", b"\x00: n\r\n"),
    ]
)


@given(st.lists(_lines, max_size=9).map(b"".join))
def test_the_quick_look_at_a_header_block_sees_what_the_slow_one_does(raw: bytes) -> None:
    seen(raw)
    seen(b"From: jan@wp.example\r\n" + raw + b"\r\n")


_pieces = st.sampled_from(
    [b"jan@wp.example", b"zly@zle.example", b"=?utf-8?Q?=3C?=", b"=?utf-8?Q?x?=", b"\r\n ", "ą".encode(), b"Jan"]
) | st.sampled_from(rb"""<>"\(),;:@.[] """.decode() + "\x00\xb1\t\r\n").map(lambda c: c.encode("latin-1"))


@given(st.lists(_pieces, max_size=9).map(b"".join))
def test_whatever_is_accepted_stands_there_once_and_reads_the_same_again(value: bytes) -> None:
    author = read_mailbox(value)
    assert (author.address is None) == bool(author.ambiguity)
    if author.address is None:
        return
    local, _, domain = author.address.rpartition("@")
    assert f"{local}@{idna.decode(domain)}".lower() in value.decode("utf-8", "replace").lower()
    assert read_mailbox(author.address.encode()) == author
    assert read_mailbox(f"Jan <{author.address}>".encode()) == author
    assert value.count(b"<") <= 1


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(value: bytes) -> None:
    read_mailbox(value)
    inspect(value)
    read_from([Header("From", value)])
