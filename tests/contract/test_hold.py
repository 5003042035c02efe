"""A stop and a click on the link at the same moment, on each engine: one of them is first, and both know which."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from mailbot.storage.schema import activation as table
from mailbot.storage.schema import ticket, ticket_event
from mailbot.tickets import activation, hold
from tests.links import DAY, NOW, grant


def freeze(engine: Engine) -> bool:
    with engine.begin() as connection:
        return hold.freeze(connection, "ZGL0000001", NOW, {"by": "anna"})


def use(engine: Engine, token: str) -> bool:
    with engine.begin() as connection:
        link = activation.find(connection, token, NOW)
        return link is not None and activation.use(connection, link, NOW)


def state(engine: Engine) -> tuple[str, str, bool, list[str]]:
    with engine.connect() as connection:
        row = connection.execute(select(ticket.c.state, ticket.c.desk)).one()
        used = connection.execute(select(table.c.used_at)).scalar_one() is not None
        events = connection.execute(select(ticket_event.c.kind).order_by(ticket_event.c.id)).scalars().all()
    return row.state, row.desk, used, list(events)


def test_stopped_before_it_was_used(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    assert freeze(engine)
    assert not use(engine, token)
    assert state(engine) == ("WSTRZYMANE", "BEZPIECZENSTWO", False, ["frozen"])


def test_used_before_it_was_stopped(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    assert use(engine, token)
    assert freeze(engine)
    assert state(engine) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", True, ["activation-used", "stop-too-late"])


@pytest.mark.parametrize("attempt", range(5))
def test_both_at_once(engine: Engine, attempt: int) -> None:
    token = grant(engine, "ZGL0000001")
    ready = threading.Barrier(2)
    used: list[bool] = []

    def race(work: Callable[[], bool]) -> None:
        ready.wait(30)
        used.append(work())

    threads = [
        threading.Thread(target=race, args=(lambda: use(engine, token),)),
        threading.Thread(target=race, args=(lambda: not freeze(engine),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(used) == 2
    found = state(engine)
    if any(used):
        assert found == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", True, ["activation-used", "stop-too-late"])
    else:
        assert found == ("WSTRZYMANE", "BEZPIECZENSTWO", False, ["frozen"])


def test_what_waits_is_told_for_changes_of_login_only(engine: Engine) -> None:
    grant(engine, "ZGL0000001", "a@wp.example")
    grant(engine, "ZGL0000002", "b@wp.example", new_login="b@nowa.example")
    grant(engine, "ZGL0000003", "c@wp.example", new_login="c@nowa.example")
    with engine.begin() as connection:
        hold.freeze(connection, "ZGL0000003", NOW, {})
    with engine.connect() as connection:
        assert hold.waiting(connection, NOW) == ["ZGL0000002"]
        assert hold.waiting(connection, NOW + DAY) == []
