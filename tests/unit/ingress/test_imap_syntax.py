"""The grammar of IMAP: tables from the RFCs, and properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.ingress import imap_syntax as syntax


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("INBOX", '"INBOX"'),
        ("Zgłoszenia odrzucone", '"Zg&AUI-oszenia odrzucone"'),
        ("~peter/mail/台北/日本語", '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'),  # RFC 3501 §5.1.3
        ("A&B", '"A&-B"'),
        ('quo"te\\', '"quo\\"te\\\\"'),
        ("line\r\nA1 DELETE INBOX", '"line&AA0ACg-A1 DELETE INBOX"'),
        ("😀", '"&2D3eAA-"'),
    ],
)
def test_mailbox_names_are_written_in_modified_utf7(name: str, written: str) -> None:
    assert syntax.mailbox(name) == written


@given(st.text())
def test_no_mailbox_name_leaves_its_quotes(name: str) -> None:
    written = syntax.mailbox(name.encode("utf-8", "replace").decode())
    inside = written[1:-1].replace("\\\\", "").replace('\\"', "")
    assert written[0] == written[-1] == '"'
    assert '"' not in inside
    assert written.isascii()
    assert written.isprintable()


@given(st.sets(st.integers(1, 60), min_size=1))
def test_a_uid_set_names_exactly_these(uids: set[int]) -> None:
    named: list[int] = []
    for part in syntax.uid_set(uids).split(","):
        first, _, last = part.partition(":")
        named.extend(range(int(first), int(last or first) + 1))
    assert named == sorted(uids)


def test_a_search_result_is_sorted_and_junk_is_passed_over() -> None:
    lines = [b"SEARCH 9 3 x -1 0 5", b"", b"12 EXISTS", b"search 3 4", b"SEARCH", b"SEARCH " + b"9" * 5000, b"OK done"]
    assert syntax.search_result(lines) == [3, 4, 5, 9]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [b"1 FETCH (UID 5 BODY[] {4}", bytearray(b"a)\r\n"), b")", b"OK"],
            {5: {"UID": b"5", "BODY[]": b"a)\r\n"}},
            id="literal",
        ),
        pytest.param(
            [b"1 FETCH (BODY[] {1}", bytearray(b"x"), b" FLAGS (\\Seen $Junk) UID 5)"],
            {5: {"UID": b"5", "BODY[]": b"x"}},
            id="UID after the literal",
        ),
        pytest.param(
            [b'1 FETCH (UID 5 BODY[] "a\\"\\\\b" RFC822.SIZE 12)'],
            {5: {"UID": b"5", "BODY[]": b'a"\\b', "RFC822.SIZE": b"12"}},
            id="quoted",
        ),
        pytest.param([b"1 FETCH (UID 5 BODY[] NIL)"], {5: {"UID": b"5"}}, id="NIL is nothing"),
        pytest.param([b"1 fetch (uid 5 body[] {0}", bytearray(), b")"], {5: {"UID": b"5", "BODY[]": b""}}, id="empty"),
        pytest.param(
            [b"1 FETCH (UID 5 RFC822.SIZE 3)", b"2 FETCH (UID 6 RFC822.SIZE 4)", b"1 FETCH (UID 5 FLAGS ())"],
            {5: {"UID": b"5", "RFC822.SIZE": b"3"}, 6: {"UID": b"6", "RFC822.SIZE": b"4"}},
            id="two messages, a flag told in between",
        ),
        pytest.param([b"1 FETCH (FLAGS (\\Seen))"], {}, id="no UID"),
        pytest.param([b"1 FETCH (X (a (b {1}", bytearray(b"("), b") c) UID 5)"], {5: {"UID": b"5"}}, id="nested lists"),
        pytest.param([b"1 FETCH (UID 5 BODY[] {9}"], {5: {"UID": b"5"}}, id="literal missing"),
        pytest.param([bytearray(b"1 FETCH (UID 5)")], {}, id="a body is never a response"),
    ],
)
def test_fetch_responses(lines: list[bytes | bytearray], expected: dict[int, dict[str, bytes]]) -> None:
    assert syntax.fetch_result(lines) == expected


@given(st.lists(st.one_of(st.binary(), st.binary().map(bytearray), st.from_regex(rb"1 FETCH \([()A-Z\"{}0-9 ]*"))))
def test_no_response_can_crash_the_parser(lines: list[bytes | bytearray]) -> None:
    syntax.fetch_result(lines)
    syntax.search_result([bytes(line) for line in lines])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"17-Jul-1996 02:44:25 -0700", datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7)))),
        (b" 2-Mar-2026 09:00:00 +0000", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (b"", None),
        (b"99-Foo-2026", None),
        (b"31-Feb-2026 09:00:00 +0000", None),
        (b"02-Mar-2026 09:00:00", None),
        (b"\xff", None),
    ],
)
def test_internal_date(text: bytes, expected: datetime | None) -> None:
    assert syntax.internal_date(text) == expected


@given(st.binary())
def test_no_internal_date_can_crash_it(text: bytes) -> None:
    moment = syntax.internal_date(text)
    assert moment is None or moment.tzinfo is not None
