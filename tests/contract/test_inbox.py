"""Storing what came, and how far mailboxes were read; on each engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from mailbot.inbox import Cursor, StoredMessage, message_of, move_cursor, read_cursor, store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.secret import Hiding, Secret
from mailbot.storage.schema import inbox, raw_message

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
SECRET = Secret(b"k" * 32)
BY_LMTP = RawMessage(
    b"Subject: \xff\x00za\xc5\xbc\r\n\r\n.\r\n",
    Envelope(Source.LMTP, "żółw@wp.example", ("a@x.example", "b@x.example"), "192.0.2.1", "mx.example"),
    NOW - timedelta(hours=1),
)
BY_IMAP = RawMessage(
    b"Subject: x\r\n\r\n",
    Envelope(Source.IMAP, mailbox="u@host/INBOX", uidvalidity=7, uid=42, note="too large"),
    NOW,
)


def put(engine: Engine, *messages: RawMessage) -> tuple[StoredMessage, ...]:
    with engine.begin() as connection:
        return store(connection, messages, NOW, SECRET)


def kept(engine: Engine) -> list[RawMessage]:
    with engine.connect() as connection:
        wanted = select(inbox, raw_message.c.raw).join(raw_message).order_by(inbox.c.id)
        return [message_of(row, SECRET) for row in connection.execute(wanted).mappings()]


def changed(message: RawMessage, **envelope: object) -> RawMessage:
    return replace(message, envelope=replace(message.envelope, **envelope))  # type: ignore[arg-type]


def test_a_message_is_kept_as_it_came_and_is_work(engine: Engine) -> None:
    first, second = put(engine, BY_LMTP, BY_IMAP)
    assert (first.new, second.new) == (True, True)
    assert kept(engine) == [BY_LMTP, BY_IMAP]
    with engine.connect() as connection:
        row = connection.execute(select(inbox).where(inbox.c.id == first.inbox_id)).mappings().one()
    assert (row["state"], row["due_at"], row["attempts"]) == ("queued", NOW, 0)
    assert (row["size"], row["sha256"]) == (len(BY_LMTP.raw), BY_LMTP.sha256)


SAME = {
    "another hour": replace(BY_LMTP, received_at=NOW),
    "another client": changed(BY_LMTP, peer="192.0.2.2", helo="mx2.example"),
}
OTHER = {
    "one octet": replace(BY_LMTP, raw=BY_LMTP.raw + b"."),
    "another sender": changed(BY_LMTP, mail_from="zolw@wp.example"),
    "null sender": changed(BY_LMTP, mail_from=""),
    "fewer recipients": changed(BY_LMTP, rcpt_to=("a@x.example",)),
    "another order": changed(BY_LMTP, rcpt_to=("b@x.example", "a@x.example")),
}


@pytest.mark.parametrize("again", SAME.values(), ids=SAME)
@pytest.mark.parametrize("together", [True, False])
def test_a_delivery_that_comes_again_is_the_same_row(engine: Engine, again: RawMessage, together: bool) -> None:
    first, second = put(engine, BY_LMTP, again) if together else put(engine, BY_LMTP) + put(engine, again)
    assert second == StoredMessage(first.inbox_id, False)
    assert kept(engine) == [BY_LMTP], "what was stored first stays"


@pytest.mark.parametrize("days", [0, 0.5, 6.9])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("on", range(7))
def test_a_delivery_that_comes_again_within_days_is_the_same_row(
    engine: Engine, days: float, back: bool, on: int
) -> None:
    """An MTA that has not heard the 250 tries for five days; ``back``: by a clock that was ahead."""
    hiding, first = replace(SECRET, hiding=Hiding.DONE), NOW + timedelta(days=on)
    later = first + timedelta(days=-days if back else days)
    with engine.begin() as connection:
        (once,) = store(connection, [replace(BY_LMTP, received_at=first)], first, hiding)
        (twice,) = store(connection, [replace(BY_LMTP, received_at=later)], later, hiding)
        assert twice == StoredMessage(once.inbox_id, False)
        (other,) = store(connection, [replace(BY_LMTP, raw=b"x", received_at=later)], later, hiding)
        assert other.new


def test_keys_of_one_week_lie_beside_each_other(engine: Engine) -> None:
    hiding = replace(SECRET, hiding=Hiding.DONE)
    days = (NOW - timedelta(weeks=300), NOW - timedelta(weeks=3), NOW)
    with engine.begin() as connection:
        for at in days:
            many = [replace(BY_LMTP, raw=b"%d" % n + at.isoformat().encode(), received_at=at) for n in range(9)]
            store(connection, many, at, hiding)
        found = connection.execute(select(inbox.c.received_at).order_by(inbox.c.delivery_key)).scalars().all()
    assert found == sorted(found)


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_another_delivery_is_another_row(engine: Engine, other: RawMessage) -> None:
    assert [s.new for s in put(engine, BY_LMTP, other)] == [True, True]


def test_in_a_mailbox_the_place_counts_and_not_the_bytes(engine: Engine) -> None:
    again = replace(BY_IMAP, raw=b"fetched anew", received_at=NOW + timedelta(days=1))
    elsewhere = [changed(BY_IMAP, **place) for place in ({"uid": 43}, {"uidvalidity": 8}, {"mailbox": "u@host/X"})]
    stored = put(engine, BY_IMAP, again, *elsewhere)
    assert [s.new for s in stored] == [True, False, True, True, True]
    assert len(kept(engine)) == 4


def test_a_cursor_moves_with_its_mailbox_only(engine: Engine) -> None:
    with engine.begin() as connection:
        assert read_cursor(connection, "a") is None
        move_cursor(connection, Cursor("a", 1, 10), NOW)
        move_cursor(connection, Cursor("b", 2, 20), NOW)
        move_cursor(connection, Cursor("a", 3, 5), NOW)
    with engine.connect() as connection:
        assert read_cursor(connection, "a") == Cursor("a", 3, 5)
        assert read_cursor(connection, "b") == Cursor("b", 2, 20)


def test_a_cursor_does_not_move_without_its_messages(engine: Engine) -> None:
    with engine.connect() as connection:
        store(connection, [BY_IMAP], NOW, SECRET)
        move_cursor(connection, Cursor("a", 1, 42), NOW)
        connection.rollback()
    with engine.connect() as connection:
        assert read_cursor(connection, "a") is None
    assert kept(engine) == []
