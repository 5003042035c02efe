"""The REST API over HTTP: who may ask for what, what a person alone does, what must be sent, what is told to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import update

from mailbot.api.table import ACTIONS, OPERATIONS, Operation
from mailbot.desk import requests as r
from mailbot.desk.perform import Done
from mailbot.desk.requests import Action
from mailbot.errors import DatabaseUnavailable
from mailbot.model import Role
from mailbot.operators import tokens
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata, ticket_event
from tests.apis import HERE, NUMBER, Served, System, serving
from tests.bench_desk import ANNA, BASIA, CELA, DOUBTFUL
from tests.flow import EWA, JAN

PLAIN = {
    Action.GIVE: {"to": "anna"},
    Action.ASSIGN: {"desk": "II_LINIA"},
    Action.NOTE: {"text": "x"},
    Action.REFUSE_NAMED: {"defects": ["CONTAINER"]},
    Action.CLOSE: {"how": "done", "silence": "noise", "reason": "x"},
    Action.MERGE: {"other": "ZGL0000002", "reason": "x"},
    Action.LINK: {"other": "ZGL0000002"},
    Action.SPLIT: {"letter": 1, "reason": "x"},
    **{action: {"mail": 1, "reason": "x"} for action in (Action.MAIL_RETRY, Action.MAIL_HOLD, Action.MAIL_CANCEL)},
}
"""Bodies that fit; the others take an empty one."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    async with serving(engine) as made:
        yield made


def asked(one: Operation) -> dict[str, object]:
    sent = {"Idempotency-Key": "a key of this operation".replace(" ", "-"), "If-Match": '"0"'}
    return {"json": PLAIN.get(one.action, {}), "headers": sent} if one.action else {"headers": {}}


async def test_every_operation_for_everybody(served: Served) -> None:
    """Without a token, with a wrong one, with each role. There is no ticket: a right to ask ends in 404."""
    app = served.client.server.app
    routes = {(x.method, x.resource.canonical) for x in app.router.routes() if x.resource is not None}
    assert routes == {(one.method, one.path) for one in OPERATIONS}
    ended = served.token("ended", Role.SUPERVISOR, days=1)
    revoked = served.token("revoked", Role.SUPERVISOR)
    served.bench.clock.advance(days=1)
    with served.bench.engine.begin() as connection:
        tokens.revoke(connection, "shell:root", "revoked", served.bench.clock())
    roles = {role: served.system(role.value, role) for role in tokens.ROLES}
    wrong = {"": "", "ended": ended, "revoked": revoked, "cut": revoked[:-1], "other": "mailbot_" + "a" * 43}
    for one in OPERATIONS:
        path = one.path.replace("{number}", NUMBER)
        for name, token in wrong.items():
            served.bench.clock.advance(minutes=1)
            answer = await System(served.client, token).ask(one.method, path, **asked(one))
            assert (answer.status, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer"), (one.name, name)
            assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == bool(token)
        for role, system in roles.items():
            answer = await system.ask(one.method, path, **asked(one))
            right = 404 if "{number}" in one.path else 200
            assert answer.status == (right if role in one.roles else 403), (one.name, role, answer.octets)
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Set-Cookie" not in answer.headers
            assert "Access-Control-Allow-Origin" not in answer.headers
        for method in {"PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "POST"} - {one.method}:
            answer = await roles[Role.SUPERVISOR].ask(method, path)
            assert answer.status == 405, (one.name, method)


async def test_a_token_comes_in_one_field_alone(served: Served) -> None:
    system = served.system()
    token, system.token = system.token, ""
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"Bearer {token}, Bearer {token}"},
        {"Cookie": f"desk={token}; token={token}"},
        {"X-Authorization": f"Bearer {token}"},
    ):
        served.bench.clock.advance(minutes=1)
        assert (await system.get("/api/v1/tickets", **headers)).status == 401
    assert (await system.get(f"/api/v1/tickets?access_token={token}")).status == 401
    assert (await system.get("/api/v1/tickets", Authorization=f"bearer  {token}")).status == 200


async def test_wrong_tokens_are_counted_and_keep_nobody_out(served: Served) -> None:
    system = served.system()
    other = served.system("other")
    other.token = "mailbot_" + "b" * 43
    found = [(await other.get("/api/v1/tickets")).status for _ in range(30)]
    assert found == [401] * 20 + [429] * 10
    assert (await system.get("/api/v1/tickets")).status == 200
    refused = await other.get("/api/v1/tickets")
    assert (refused.code, refused.headers["Retry-After"]) == ("too-many", "60")


async def test_one_ticket_and_its_version(served: Served) -> None:
    served.bench.question()
    system = served.system()
    found = await system.get(HERE)
    assert found.json["sender"] == EWA.login
    tag = found.headers["ETag"]
    assert tag == found.json["etag"]
    assert tag.startswith(f'"{served.bench.version()}-')
    for sent in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        same = await system.get(HERE, **{"If-None-Match": sent})
        assert (same.status, same.octets, same.headers["ETag"]) == (304, b"", tag), sent
    assert (await system.get(HERE, **{"If-None-Match": '"0"'})).status == 200
    served.bench.send()
    assert (await system.get(HERE)).json == found.json, "what leaves is no new version, and changes nothing here"
    assert (await system.get(f"{HERE}/correspondence")).json["answered_at"] is None
    assert (await system.act("note", {"text": "x"})).status == 200
    assert (await system.get(HERE, **{"If-None-Match": tag})).status == 200


async def test_an_auditor_reads_masked_and_does_nothing(served: Served) -> None:
    served.bench.letter(EWA.login, "Mam pytanie, mój PESEL 44051401359", subject="Pytanie")
    system, auditor = served.system(), served.system("audit", Role.AUDITOR)
    told = {"text": f"dzwonić: {EWA.login}, PESEL 44051401359"}
    assert (await system.act("note", told)).status == 200
    for path in (HERE, f"{HERE}/events", f"{HERE}/correspondence", "/api/v1/tickets", f"{HERE}/actions"):
        for who, clear in ((system, True), (auditor, False)):
            octets = (await who.get(path)).octets.decode()
            assert "44051401359" not in octets
            assert clear or EWA.login not in octets, path
            assert clear or "Ewa Nowak" not in octets, path
    assert EWA.login in (await system.get(f"{HERE}/events")).octets.decode()
    refused = await auditor.act("note", {"text": "x"})
    assert (refused.status, refused.code) == (403, "role")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    masked, clear = (await auditor.get(HERE)).headers["ETag"], (await system.get(HERE)).headers["ETag"]
    assert masked != clear, "two representations"
    assert (await system.act("note", {"text": "x"}, tag=masked)).status == 412


async def test_a_desk_sees_its_own(served: Served) -> None:
    served.bench.question()
    served.bench.done(ANNA, r.Assign, desk="II_LINIA")
    first, second = (served.system(desk.lower(), desks=(desk,)) for desk in ("I_LINIA", "II_LINIA"))
    assert (await first.get("/api/v1/tickets")).json["tickets"] == []
    assert [t["number"] for t in (await second.get("/api/v1/tickets")).json["tickets"]] == [NUMBER]
    for path in ("", "/events", "/correspondence", "/actions"):
        assert (await first.get(HERE + path)).status == 404
        assert (await second.get(HERE + path)).status == 200
    unknown = await first.get("/api/v1/tickets/ZGL0000999")
    assert unknown.octets == (await first.get(HERE)).octets, "there is none, or it is not theirs: one answer"
    assert (await first.act("stop", {"reason": "x"}, tag=None)).status == 404
    served.bench.letter(EWA.login, "Drugie pytanie.", subject="Drugie")
    for action in ("link", "merge"):
        said = [
            (await first.act(action, {"other": other, "reason": "x"}, number="ZGL0000002"))
            for other in (NUMBER, "ZGL0000999")
        ]
        assert [one.status for one in said] == [422, 422]
        assert said[0].octets.replace(NUMBER.encode(), b"ZGL0000999") == said[1].octets


async def test_what_is_possible_is_what_is_done(served: Served) -> None:
    served.bench.question()
    system = served.system("boss", Role.SUPERVISOR)
    found = (await system.get(f"{HERE}/actions")).json
    assert set(found["can"]) | set(found["cannot"]) == {action.value for action in Action}
    assert set(found["can"]) <= {action.value for action in ACTIONS}
    assert "account of a person" in found["cannot"]["accept-a"]


@pytest.mark.parametrize("role", [Role.CONSULTANT, Role.SUPERVISOR])
async def test_what_is_a_persons_alone(served: Served, role: Role) -> None:
    """Neither by a route, nor by the desk if there were one; what security has moves by no token."""
    served.bench.review_b(DOUBTFUL)
    system = served.system("csd", role)
    for action in ("accept-a", "accept-b", "confirm-b", "withdraw-b", "call", "release", "out-of-quarantine"):
        assert (await system.act(action, {"reason": "x"})).status == 404
    robot = tokens.of_row({"id": 1, "name": "csd", "roles": [role], "desks": [], "language": "en"})  # type: ignore[arg-type]
    served.bench.look(ANNA, BASIA)
    same = {"old_login": JAN.login, "waived": frozenset({"application"})}
    assert served.bench.code(robot, r.AcceptB, **same) == "no-person"
    served.bench.done(ANNA, r.AcceptB, **same)
    assert served.bench.code(robot, r.ConfirmB, **same) == "no-person"
    assert served.bench.code(robot, r.WithdrawB) == "no-person"
    assert isinstance(served.bench.act(CELA, r.ConfirmB, **same), Done) is False, "she has not looked"
    stopped = await system.act("stop", {"reason": "the owner called"}, tag=None)
    assert (stopped.status, stopped.json["state"]) == (200, "WSTRZYMANE")
    for action, body in (
        ("close", PLAIN[Action.CLOSE]),
        ("assign", {"desk": "I_LINIA"}),
        ("take", {}),
        ("reopen", {"reason": "x"}),
    ):
        refused = await system.act(action, body)
        assert (refused.status, refused.code) == (403, "no-person"), action
    assert (await system.act("note", {"text": "x"})).status == 200


async def test_what_must_be_sent_with_an_action(served: Served) -> None:
    served.bench.question()
    system = served.system()
    old = (await system.get(HERE)).json["etag"]
    for tag, status in (
        (None, 428),
        ("*", 428),
        (f"W/{old}", 412),
        ("x", 400),
        ('"0"', 412),
        (f'{old[:-2]}x"', 412),
        ('"9-00000000"', 412),
        (f'{old}, "0"', 400),
        ('"é"', 412),
    ):
        assert (await system.act("take", tag=tag)).status == status, tag
    assert (await system.act("take", tag=old)).status == 200
    stale = await system.act("note", {"text": "x"}, tag=old)
    assert (stale.status, stale.code, [s["by"] for s in stale.json["since"]]) == (412, "changed", ["api:csd"])
    assert (await system.act("stop", {"reason": "x"}, tag=old)).status == 412, "whoever sends it means it"
    sent = {"If-Match": old, "Content-Type": "application/json"}
    for key in ({}, {"Idempotency-Key": "short"}, {"Idempotency-Key": "ż" * 20}, {"Idempotency-Key": "x" * 201}):
        answer = await system.ask("POST", f"{HERE}/actions/note", headers=sent | key, data=b'{"text":"x"}')
        assert (answer.status, answer.code) == (400, "key")
    for kind, status in (("text/plain", 415), ("application/x-www-form-urlencoded", 415)):
        headers = {"If-Match": old, "Idempotency-Key": "k" * 9, "Content-Type": kind}
        assert (await system.ask("POST", f"{HERE}/actions/note", headers=headers, data=b"{}")).status == status


HOSTILE = {
    b"": 400,
    b"{": 400,
    b"\xff\xfe{\0}\0": 400,
    b"\xef\xbb\xbf{}": 400,
    b'{"text": "x"} {}': 400,
    b'{"text": "x", "text": "y"}': 400,
    b'{"text": NaN}': 400,
    b'{"text": -Infinity}': 400,
    b'{"text": 1.5}': 400,
    b'{"text": 1e999}': 400,
    b"[" * 100_000: 400,
    b'{"text":' * 100_000: 400,
    b'{"text": ' + b"9" * 5000 + b"}": 400,
    b"[]": 422,
    b"null": 422,
    b'"text"': 422,
    b"{}": 422,
    b'{"text": null}': 422,
    b'{"text": 1}': 422,
    b'{"text": ["x"]}': 422,
    b'{"text": "x", "version": 3}': 422,
    b'{"text": "x", "action": "accept-a"}': 422,
    b'{"text": "x", "__class__": "y"}': 422,
    b'{"text": "x", "\\ud800": 1}': 422,
    b'{"text": "\\ud800"}': 422,
    b'{"text": "a\\u0000b"}': 422,
    b'{"text": ""}': 422,
    b'{"text": "' + b"x" * 2001 + b'"}': 422,
}


async def test_a_body_is_read_strictly(served: Served) -> None:
    served.bench.question()
    system = served.system()
    for body, status in HOSTILE.items():
        answer = await system.act("note", body)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), body[:60]
    assert served.bench.events() == ["opened"]


async def test_a_body_is_bounded(served: Served) -> None:
    served.bench.question()
    system = served.system()
    sent = {"If-Match": '"0"', "Idempotency-Key": "k" * 9, "Content-Type": "application/json"}
    with BytesIO(b'{"text": "' + b"x" * 14_000_000 + b'"}') as body:
        answer = await system.ask("POST", f"{HERE}/actions/note", headers=sent, data=body)
    assert (answer.status, answer.code) == (413, "too-large")


async def test_a_version_that_is_given_again_is_another(served: Served) -> None:
    """After a restore: the number of the event is that of what somebody has seen, and it is something else."""
    served.bench.question()
    system = served.system()
    old = (await system.get(HERE)).json
    with served.bench.engine.begin() as connection:
        later = served.bench.clock() + timedelta(minutes=5)
        connection.execute(update(ticket_event).where(ticket_event.c.id == old["version"]).values(at=later))
    assert (await system.get(HERE, **{"If-None-Match": old["etag"]})).status == 200
    assert (await system.act("note", {"text": "x"}, tag=old["etag"])).status == 412
    assert (await system.act("stop", {"reason": "x"}, tag=old["etag"])).status == 412


async def test_a_database_that_does_not_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, in the same form, and without a word of why; asked again with its key it is done once."""
    served.bench.question()
    system = served.system()
    tag = (await system.get(HERE)).json["etag"]

    async def gone(*_: object) -> None:
        raise DatabaseUnavailable("SELECT secret")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", gone)
        refused = await system.act("note", {"text": "x"}, tag=tag, key="again-and-again")
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "unavailable", "60")
    assert b"secret" not in refused.octets
    assert (await system.act("note", {"text": "x"}, tag=tag, key="again-and-again")).status == 200
    assert served.bench.events().count("note") == 1


async def test_nothing_of_a_token_or_a_body_is_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    served.bench.question()
    system, word = served.system(), "tajemnica"
    other = System(served.client, "mailbot_" + "c" * 43)
    for one in (system, other, System(served.client, word)):
        await one.act("note", {"text": word}, key=word * 2)
        await one.act("note", f'{{"{word}": 1}}'.encode())
        await one.get(f"/api/v1/tickets?category={word}&{word}=1")
        await one.get(f"/api/v1/{word}")
    told = caplog.text
    assert "api.refused-token" in told
    assert not [secret for secret in (system.token, other.token, word, EWA.login) if secret in told]


async def test_an_address_that_is_none_of_ours(served: Served) -> None:
    system = served.system()
    for path in (
        *("/", "/api", "/api/v1", "/api/v1/", "/api/v2/tickets", "/api/v1/tickets/", "/api/v1/tickets/1"),
        *("/api/v1/tickets/ABC0000001", "/api/v1/tickets/ZGL0000001%00", "/api/v1/tickets/ZGL0000001/..%2f", "/%ff"),
        *("/metrics", "/readyz", "/login", "/static/desk.css", "/api/v1/tickets/ZGL0000001/actions/accept-a"),
    ):
        answer = await system.get(path)
        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json"), path
        served.bench.clock.advance(minutes=1)
        assert (await System(served.client).get(path)).status == 401, path
