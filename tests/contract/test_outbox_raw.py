"""The octets of our mails lie apart from the rows that change; on each engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Row, delete, select, update

from mailbot.errors import SealBroken
from mailbot.secret import Secret, is_sealed
from mailbot.storage import personal
from mailbot.storage.outgoing import APART, MAIL, OUTGOING, outbox_raw
from mailbot.storage.schema import outbox
from mailbot.tickets import sealing
from tests.contract.test_erasing import filled


def mails(connection: Connection) -> list[Row[*tuple[object, ...]]]:
    return list(connection.execute(select(*MAIL).select_from(OUTGOING).order_by(outbox.c.id)).all())


def opened(connection: Connection, secret: Secret) -> list[personal.Addressed]:
    return [personal.addressed(secret, mail) for mail in mails(connection)]


async def test_a_program_that_does_not_know_of_them_finds_a_mail_that_does_not_open(
    empty_engine: Engine, tmp_path: Path
) -> None:
    """It keeps what it cannot open (workers.deliver): an empty mail leaves nobody."""
    async with filled(empty_engine, tmp_path) as (parts, _, _):
        with empty_engine.connect() as connection:
            rows = connection.execute(select(outbox)).all()
            assert rows
            for row in rows:
                assert is_sealed(row.raw)
                with pytest.raises(SealBroken):
                    personal.addressed(parts.secret, row)
            assert all(b"Subject: " in one.raw for one in opened(connection, parts.secret))


@pytest.mark.parametrize("inside", [True, False])
async def test_mails_of_before_are_read_and_written_where_they_lie(
    empty_engine: Engine, tmp_path: Path, *, inside: bool
) -> None:
    async with filled(empty_engine, tmp_path) as (parts, _, _):
        with empty_engine.begin() as connection:
            before = opened(connection, parts.secret)
            for mail in mails(connection) if inside else ():
                connection.execute(update(outbox).where(outbox.c.id == mail.id).values(raw=mail.raw))
            if inside:
                connection.execute(delete(outbox_raw))
            assert opened(connection, parts.secret) == before
            first, *rest = mails(connection)
            sealing.rewrite_mail(connection, parts.secret, first, {"raw": b"anew", "attempts": 7})
            anew, *others = opened(connection, parts.secret)
            assert (anew.recipient, anew.raw, others) == (before[0].recipient, b"anew", before[1:])
            kept = connection.execute(select(outbox.c.raw, outbox.c.attempts).order_by(outbox.c.id)).all()
            assert [row.raw == APART for row in kept] == [not inside] * len(before)
            assert kept[0].attempts == 7
            assert len(connection.execute(select(outbox_raw)).all()) == (0 if inside else len(before))
            assert len(rest) == len(others)
