"""The REST API over each engine: one effect for one key, a list that nothing slips out of, tokens as hashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import pytest
from sqlalchemy import Engine, func, select

from mailbot.audit.verify import verify
from mailbot.desk import requests as r
from mailbot.model import Role
from mailbot.operators import tokens
from mailbot.storage.desk import audit
from mailbot.storage.tokens import api_answer, api_token
from tests.apis import HERE, Served, serving
from tests.bench_desk import ANNA
from tests.flow import EWA, JAN


@pytest.fixture
async def served(engine: Engine) -> AsyncIterator[Served]:
    async with serving(engine) as made:
        yield made


async def test_the_actions_of_the_desk(served: Served) -> None:
    served.bench.question()
    system = served.system()
    done = await system.act("take")
    assert (done.status, done.json["event"], done.json["owner"]) == (200, "taken", "api:csd")
    replied = await system.act("reply-and-close", {"text": "Formularz działa od wczoraj.", "how": "done"})
    assert (replied.status, replied.json["state"]) == (200, "ZAMKNIETE_ROZWIAZANE"), replied.json
    assert served.bench.kinds() == ["T8", "T21"]
    events = (await system.get(f"{HERE}/events")).json["events"]
    assert [e["by"] for e in events if e["kind"] in ("taken", "replied-and-closed")] == ["api:csd"] * 2
    with served.bench.engine.connect() as connection:
        actors = connection.execute(select(audit.c.actor).where(audit.c.action == "taken")).scalars().all()
        assert actors == ["api:csd"]
        assert list(verify(connection)) == []


async def test_one_key_has_one_effect(served: Served) -> None:
    served.bench.question()
    system, other = served.system(), served.system("other")
    tag = (await system.get(HERE)).json["etag"]
    first = await system.act("note", {"text": "raz"}, tag=tag, key="the-same-key")
    again = await system.act("note", {"text": "raz"}, tag=tag, key="the-same-key")
    assert (again.status, again.json) == (200, first.json)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    used = await system.act("note", {"text": "dwa"}, tag=tag, key="the-same-key")
    assert (used.status, used.code) == (422, "key-used")
    assert served.bench.events().count("note") == 1
    assert (await other.act("note", {"text": "raz"}, tag=tag, key="the-same-key")).status == 412, "a key is its own"
    refused = await system.act("close", {"how": "done", "silence": "answered", "reason": "x"}, key="refused-once")
    assert (refused.status, refused.code) == (409, "not-answered")
    assert (await system.act("take", key="refused-once")).status == 200, "nothing was done under it"
    served.bench.clock.advance(days=1, seconds=1)
    assert (await system.act("note", {"text": "raz"}, tag=tag, key="the-same-key")).status == 412
    with served.bench.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(api_answer)).scalar_one() in (0, 2)


@pytest.mark.parametrize("attempt", range(2))
async def test_one_key_many_times_at_once(served: Served, attempt: int) -> None:
    served.bench.question()
    system = served.system()
    tag = (await system.get(HERE)).json["etag"]
    reply = {"text": f"Odpowiedź {attempt}."}
    found = await asyncio.gather(*(system.act("reply", reply, tag=tag, key="the-same-key") for _ in range(8)))
    assert [one.status for one in found] == [200] * 8
    assert len({one.octets for one in found}) == 1
    assert sum("Idempotent-Replayed" in one.headers for one in found) == 7
    assert served.bench.kinds() == ["T8", "T21"]


@pytest.mark.parametrize("attempt", range(2))
async def test_many_keys_at_once(served: Served, attempt: int) -> None:
    served.bench.question()
    system = served.system()
    tag = (await system.get(HERE)).json["etag"]
    found = await asyncio.gather(
        *(system.act("reply", {"text": f"Odpowiedź {n}."}, tag=tag, key=f"key-number-{n}") for n in range(6))
    )
    assert sorted(one.status for one in found) == [200] + [412] * 5
    assert served.bench.kinds() == ["T8", "T21"]


async def test_pages_hold_every_ticket_once(served: Served) -> None:
    system, other = served.system(), served.system("other")
    for n in range(5):
        served.bench.letter(EWA.login, f"Pytanie numer {n}.", subject=f"Pytanie {n}")
    seen, cursor = [], ""
    for turn in range(10):
        page = (await system.get(f"/api/v1/tickets?limit=2{cursor}")).json
        seen += [one["number"] for one in page["tickets"]]
        if turn == 0:
            served.bench.letter(JAN.login, "Jeszcze jedno.", subject="Inne")
            served.bench.done(ANNA, r.Assign, desk="II_LINIA")
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"ZGL{n:07}" for n in range(1, 7)]
    good = cursor.removeprefix("&cursor=")
    for path in (
        f"limit=2&cursor={good[:-1]}",
        f"cursor=B{good[1:]}",
        "cursor=",
        "cursor=%F0%9F%92%A3",
        f"cursor={'A' * 5000}",
        f"state=W_TOKU&cursor={good}",
        f"cursor={good}&cursor={good}",
    ):
        answer = await system.get(f"/api/v1/tickets?{path}")
        assert answer.status == 400, path
    assert (await other.get(f"/api/v1/tickets?cursor={good}")).status == 400, "another's"


async def test_filters(served: Served) -> None:
    served.bench.question()
    served.bench.clock.advance(hours=1)
    middle = served.bench.clock().astimezone(UTC)
    served.bench.review_a()
    system = served.system()

    async def numbers(query: str) -> list[str]:
        answer = await system.get(f"/api/v1/tickets?{query}")
        assert answer.status == 200, (query, answer.json)
        return [one["number"][-1] for one in answer.json["tickets"]]

    lines = {one["number"][-1]: one for one in (await system.get("/api/v1/tickets")).json["tickets"]}
    for name in ("state", "desk", "category"):
        for value in {line[name] for line in lines.values()}:
            assert await numbers(f"{name}={value}") == [n for n, line in lines.items() if line[name] == value]
    assert await numbers(f"since={middle:%Y-%m-%dT%H:%M:%SZ}") == ["2"]
    assert await numbers(f"since={middle + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}") == []
    for nothing in ("%27%20OR%201=1--", "%ff", "%ed%a0%80", "%F0%9F%92%A3", "x" * 3000):
        assert await numbers(f"category={nothing}") == []
    for query in (
        "state=x",
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1.0",
        "limit=٣",
        "since=2026-11-30",
        "x=1",
        "desk=x",
        "since=9999-12-31T23:59:59-23:00",
        "category=%00",
        "limit=",
        "state=&state=",
    ):
        answer = await system.get(f"/api/v1/tickets?{query}")
        assert (answer.status, answer.code) == (400, "parameter"), query


async def test_tokens_are_kept_as_hashes_and_told_in_the_chain(served: Served) -> None:
    system = served.system()
    assert (await system.get("/api/v1/tickets")).status == 200
    with served.bench.engine.begin() as connection:
        row = connection.execute(select(api_token)).mappings().one()
        assert system.token not in str(dict(row))
        assert row["used_at"] == served.bench.clock()
        tokens.revoke(connection, "shell:root", "csd", served.bench.clock())
        with pytest.raises(tokens.ApiTokenRefused):
            tokens.add(connection, "shell:root", "csd", [Role.AUDITOR], (), "en", 1, served.bench.clock())
        told = connection.execute(select(audit.c.actor, audit.c.action, audit.c.object).order_by(audit.c.seq)).all()
        assert [tuple(row) for row in told] == [
            ("shell:root", "token-added", "api:csd"),
            ("shell:root", "token-revoked", "api:csd"),
        ]
    assert (await system.get("/api/v1/tickets")).status == 401
