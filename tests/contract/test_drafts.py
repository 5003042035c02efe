"""What a person has typed and not sent: sealed, tied to person, ticket and form; and who has a ticket open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select, update

from mailbot.desk import drafts, presence
from mailbot.desk.drafts import Draft
from mailbot.desk.requests import File
from mailbot.errors import SealBroken
from mailbot.secret import Secret
from mailbot.storage.desk import draft, viewer
from tests.contract.test_todo import ANNA, FIRST_LINE, add, operators

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SECRET = Secret(b"k" * 32)
TYPED = Draft({"text": ("Dzień dobry",), "defects": ("EMPTY", "UNSIGNED")}, (File("a.pdf", b"%PDF-\0"),))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as made:
        operators(made)
        for number in (1, 2):
            add(made, number)
        yield made


def save(connection: Connection, kept: Draft = TYPED, form: str = "reply", ticket: int = 1) -> None:
    drafts.save(connection, SECRET, ANNA.id, ticket, form, kept, NOW)


def load(connection: Connection, form: str = "reply", ticket: int = 1, who: int = ANNA.id) -> Draft:
    return drafts.load(connection, SECRET, who, ticket, form)


def test_a_draft_comes_back_as_it_was(connection: Connection) -> None:
    save(connection)
    found = load(connection)
    assert (found.fields, found.files, found.saved_at) == (TYPED.fields, TYPED.files, NOW)
    assert found.digest == TYPED.digest
    assert drafts.begun(connection, ANNA.id, 1) == {"reply"}
    nothing = (load(connection, "note"), load(connection, ticket=2), load(connection, who=FIRST_LINE.id))
    assert [one.fields for one in nothing] == [{}, {}, {}]
    save(connection, Draft({"text": (" ",)}))
    assert drafts.begun(connection, ANNA.id, 1) == frozenset(), "nothing typed is no draft"


def test_a_draft_does_not_open_on_another_ticket(connection: Connection) -> None:
    """Not even by who can write into the database."""
    save(connection)
    connection.execute(update(draft).values(ticket_id=2))
    with pytest.raises(SealBroken):
        load(connection, ticket=2)
    assert b"Dzie" not in connection.execute(select(draft.c.sealed)).scalar_one()


def test_what_is_taken_back_is_a_draft_again_unless_another_was_begun(connection: Connection) -> None:
    save(connection)
    drafts.sent(connection, SECRET, ANNA.id, 1, "reply", TYPED, NOW)
    assert load(connection).fields == {}
    drafts.taken_back(connection, SECRET, ANNA.id, 2, NOW)
    assert load(connection, ticket=2).fields == {}, "it was sent on another ticket"
    drafts.taken_back(connection, SECRET, ANNA.id, 1, NOW)
    assert load(connection).files == TYPED.files
    drafts.sent(connection, SECRET, ANNA.id, 1, "reply", TYPED, NOW)
    save(connection, newer := Draft({"text": ("nowa",)}))
    drafts.taken_back(connection, SECRET, ANNA.id, 1, NOW)
    assert load(connection).fields == newer.fields
    for number in (1, 2):
        drafts.sent(connection, SECRET, ANNA.id, number, "reply", TYPED, NOW)
    assert connection.execute(select(draft.c.ticket_id)).scalars().all() == [2], "only what was sent last is kept"


def test_a_sign_is_written_seldom_and_forgotten(connection: Connection) -> None:
    assert presence.is_due(connection, 1, ANNA.id, NOW)
    presence.here(connection, 1, ANNA.id, NOW)
    assert not presence.is_due(connection, 1, ANNA.id, NOW + timedelta(seconds=5))
    assert presence.is_due(connection, 1, FIRST_LINE.id, NOW)
    presence.here(connection, 1, ANNA.id, later := NOW + timedelta(seconds=20))
    assert connection.execute(select(viewer.c.seen_at)).scalars().all() == [later]
    presence.here(connection, 2, FIRST_LINE.id, NOW + timedelta(hours=1))
    assert connection.execute(select(viewer.c.ticket_id)).scalars().all() == [2]
