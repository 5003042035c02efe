"""Activation links, on each engine."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from mailbot.storage.schema import activation as table
from mailbot.storage.schema import outbox, ticket_event
from mailbot.tickets import activation
from mailbot.tickets.activation import Grant
from tests.links import DAY, NOW, SECRET, grant, open_ticket
from tests.links import token as token_of


def find(engine: Engine, token: str, now: datetime = NOW) -> activation.Activation | None:
    with engine.connect() as connection:
        return activation.find(connection, SECRET, token, now)


def use(engine: Engine, link: activation.Activation, now: datetime = NOW) -> bool:
    with engine.begin() as connection:
        return activation.use(connection, link, now)


def test_a_granted_link_is_found_until_it_expires(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001", "Jan@WP.example")
    link = find(engine, token)
    assert link is not None
    assert (link.login, link.new_login, link.mailbox) == ("jan@wp.example", None, "jan@wp.example")
    assert link.expires_at == NOW + DAY
    assert find(engine, token, NOW + DAY - timedelta(microseconds=1)) is not None
    assert find(engine, token, NOW + DAY) is None


@pytest.mark.parametrize(("week", "days"), [(0, 0), (None, 0), (None, 20), (None, 50)])
def test_a_link_of_the_release_before_this_one_is_found(engine: Engine, week: int | None, days: int) -> None:
    """It writes no week, and leaves that of a link which it makes live longer."""
    token = grant(engine, "ZGL0000001")
    values = {"expires_at": NOW + DAY * (days + 1)} | ({} if week is None else {"week": week})
    with engine.begin() as connection:
        connection.execute(update(table).values(values))
    assert find(engine, token, NOW + DAY * days) is not None
    assert find(engine, token, NOW + DAY * (days + 1)) is None


def test_case_b_holds_both_addresses(engine: Engine) -> None:
    link = find(engine, grant(engine, "ZGL0000001", new_login="nowy@wp.example"))
    assert link is not None
    assert (link.login, link.mailbox) == ("jan@wp.example", "nowy@wp.example")


@pytest.mark.parametrize("wrong", ["", "x", "é" * 32, "A" * 32, "A" * 33, "%00", "\0" * 32, "' OR 1=1 --"], ids=repr)
def test_a_wrong_token_is_not_found(engine: Engine, wrong: str) -> None:
    token = grant(engine, "ZGL0000001")
    assert find(engine, wrong) is None
    assert find(engine, token.swapcase()) is None
    assert find(engine, activation.token_hash(token)) is None, "who reads the database has no link"


def test_the_database_does_not_hold_the_token(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    with engine.connect() as connection:
        (row,) = connection.execute(select(table)).all()
    assert token not in " ".join(map(str, row))
    assert activation.token_hash(token) in row


def test_a_link_is_used_once_and_its_use_is_history(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    link = find(engine, token)
    assert link is not None
    assert use(engine, link)
    assert not use(engine, link)
    assert find(engine, token) is None
    with engine.connect() as connection:
        (event,) = connection.execute(select(ticket_event)).mappings()
    assert (event["ticket_id"], event["kind"], event["at"]) == (link.ticket_id, "activation-used", NOW)


def test_an_expired_link_is_not_used(engine: Engine) -> None:
    link = find(engine, grant(engine, "ZGL0000001"))
    assert link is not None
    assert not use(engine, link, NOW + DAY)


def test_a_newer_link_ends_the_older_ones_of_the_same_login_only(engine: Engine) -> None:
    older = grant(engine, "ZGL0000001", "jan@wp.example")
    other = grant(engine, "ZGL0000002", "ewa@wp.example")
    newer = grant(engine, "ZGL0000003", "JAN@wp.example", NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert find(engine, older, later) is None
    assert find(engine, other, later) is not None
    assert find(engine, newer, later) is not None


def test_of_links_granted_together_the_last_of_a_login_lives(engine: Engine) -> None:
    numbers = {"ZGL0000001": "jan@wp.example", "ZGL0000002": "ewa@wp.example", "ZGL0000003": "JAN@wp.example"}
    with engine.begin() as connection:
        grants = [Grant(open_ticket(connection, number), number, login, NOW + DAY) for number, login in numbers.items()]
        activation.grant(connection, grants, NOW, SECRET)
    found = {number for number in numbers if find(engine, token_of(engine, number))}
    assert found == {"ZGL0000002", "ZGL0000003"}


def test_a_ticket_has_one_link(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        activation.grant(connection, [Grant(1, "ZGL0000009", "jan@wp.example", NOW + DAY)], NOW, SECRET)
    assert find(engine, token_of(engine, "ZGL0000001")) is not None, "the failed grant ended nothing"


def test_a_login_that_is_no_address_gets_no_link(engine: Engine) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"), engine.begin() as connection:
        activation.grant(connection, [Grant(1, "ZGL0000001", "jan", NOW + DAY)], NOW, SECRET)


def test_of_two_users_at_once_one_wins(engine: Engine) -> None:
    link = find(engine, grant(engine, "ZGL0000001"))
    assert link is not None
    ready = threading.Barrier(4)
    won: list[bool] = []

    def race() -> None:
        ready.wait(30)
        won.append(use(engine, link))

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == [False, False, False, True]


def test_a_link_that_was_ended_stays_dead_when_the_clock_is_set_back(engine: Engine) -> None:
    older = grant(engine, "ZGL0000001", now=NOW)
    grant(engine, "ZGL0000002", now=NOW + timedelta(hours=2))
    assert find(engine, older, NOW + timedelta(hours=1)) is None


def test_nothing_granted_ends_nothing(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        activation.grant(connection, [], NOW, SECRET)
    assert find(engine, token) is not None


def test_one_link_is_renewed_and_no_other(engine: Engine) -> None:
    used, other = grant(engine, "ZGL0000001"), grant(engine, "ZGL0000002", "ewa@wp.example")
    link = find(engine, used)
    assert link is not None
    assert use(engine, link)
    mine = grant(engine, "ZGL0000003")
    with engine.begin() as connection:
        row = connection.execute(select(table).where(table.c.ticket_id == 3)).one()
        activation.renew(connection, row, "ZGL0000003", SECRET, NOW + 3 * DAY, anew=False)
    renewed = find(engine, mine, NOW + 2 * DAY)
    assert renewed is not None
    assert renewed.expires_at == NOW + 3 * DAY
    assert find(engine, other) is not None
    assert find(engine, other, NOW + DAY) is None
    assert find(engine, used) is None


def test_a_link_that_is_renewed_is_the_one_that_lives(engine: Engine) -> None:
    older, newer = grant(engine, "ZGL0000001"), grant(engine, "ZGL0000002")
    assert (find(engine, older), find(engine, newer) is None) == (None, False)
    with engine.begin() as connection:
        row = connection.execute(select(table).where(table.c.ticket_id == 1)).one()
        activation.renew(connection, row, "ZGL0000001", SECRET, NOW + DAY, anew=False)
    assert (find(engine, older) is None, find(engine, newer)) == (False, None)


def test_what_a_registry_tells_twice_was_used_once(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        for now in (NOW, NOW + DAY):
            activation.use_up(connection, 1, 1, now)
        assert connection.execute(select(table.c.used_at)).scalars().all() == [NOW]
        assert connection.execute(select(ticket_event.c.kind)).scalars().all() == ["activation-used"]


def test_links_that_have_not_left_are_bound_to_their_rows(engine: Engine) -> None:
    """One was sent, one used: their tokens lie in the mailboxes of citizens."""
    waits, sent, used = (grant(engine, f"ZGL000000{n}", f"{n}@wp.example") for n in (1, 2, 3))
    link = find(engine, used)
    assert link is not None
    assert use(engine, link)
    mail = {"return_path": "", "recipient": "", "raw": b"", "due_at": NOW, "deadline": NOW, "delay_seconds": 0}
    with engine.begin() as connection:
        for ticket, kind, state in ((1, "T1", "done"), (1, "T3", "waiting"), (2, "T3", "done")):
            row = {"ticket_id": ticket, "slot": kind, "kind": kind, "state": state, "ordinal": 1}
            connection.execute(insert(outbox).values(**row, **mail, message_id=f"<{ticket}{kind}@helpdesk.example>"))
        for n in (1, 2, 3):
            connection.execute(update(table).where(table.c.ticket_id == n).values(token_hash=f"{n}" * 64))
        activation.bind(connection, SECRET)
        hashes = connection.execute(select(table.c.token_hash).order_by(table.c.ticket_id)).scalars().all()
    assert hashes == [activation.token_hash(waits), "2" * 64, "3" * 64]
    assert find(engine, sent) is None
