"""What the reader saw of an application is kept sealed beside the decision, and shown to who asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, insert, select, text

from mailbot.errors import SealBroken
from mailbot.model import View
from mailbot.secret import Secret
from mailbot.storage.schema import application_view, inbox
from mailbot.tickets import view

SECRET = Secret(bytes(32))
SEEN = View("Imię: Adam", "Imie: Adam", (b"\x89PNG 1", b"\x89PNG 2"))
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _stored(engine: Engine) -> None:
    row = {
        "id": 7, "source": "smtp", "delivery_key": "k", "sha256": "s", "size": 1, "envelope": {}, "received_at": NOW,
        "state": "done", "due_at": NOW,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(inbox), row)
        connection.execute(insert(application_view), list(view.rows(SECRET, 7, SEEN)))


def test_it_is_sealed_and_comes_back_whole(engine: Engine) -> None:
    _stored(engine)
    with engine.connect() as connection:
        assert not any(b"Adam" in sealed for sealed in connection.execute(select(application_view.c.sealed)).scalars())
        assert view.files(connection, SECRET, 7) == {
            "page-1.png": b"\x89PNG 1",
            "page-2.png": b"\x89PNG 2",
            "seen.txt": b"Imie: Adam",
            "text.txt": "Imię: Adam".encode(),
        }
        assert view.files(connection, SECRET, 8) == {}
        with pytest.raises(SealBroken):
            view.files(connection, Secret(b"1" * 32), 7)


def test_a_picture_of_another_message_does_not_open(engine: Engine) -> None:
    _stored(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE application_view SET name = 'page-3.png' WHERE name = 'page-1.png'"))
    with engine.connect() as connection, pytest.raises(SealBroken):
        view.files(connection, SECRET, 7)


def test_nothing_seen_is_nothing_kept() -> None:
    assert list(view.rows(SECRET, 7, None)) == []
    assert [row["name"] for row in view.rows(SECRET, 7, replace(SEEN, seen=None, pictures=()))] == ["text.txt"]
