"""A dossier of what two people did, on both engines."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from sqlalchemy import Engine, select

from mailbot.audit import chain, packed
from mailbot.audit.verify import head, verify
from mailbot.desk import dossier
from mailbot.desk import requests as r
from mailbot.storage.desk import audit
from tests.bench_desk import ANNA, BASIA, Bench
from tests.flow import EWA, JAN


@pytest.fixture
def bench(engine: Engine) -> Bench:
    made = Bench(engine, fill=True)
    object.__setattr__(made.desk, "record", chain.record)
    return made


def test_two_people_and_their_reasons(bench: Bench) -> None:
    bench.review_b()
    bench.look(ANNA, BASIA)
    same = {"old_login": JAN.login, "waived": frozenset({"application"})}
    bench.done(ANNA, r.AcceptB, reason="dzwoniłam: zgadza się", **same)
    bench.done(BASIA, r.ConfirmB, reason="widziałam", **same)
    bench.clock.advance(days=1)
    bench.send()
    with bench.engine.begin() as c:
        ticket_id = dossier.take_over(c, "ZGL0000001")
    assert ticket_id == 1
    with bench.engine.connect() as c:
        c.info["reader"] = True
        data, digest = dossier.make(c, bench.flow.secret, ticket_id, bench.clock())
        known = head(c)
    with bench.engine.begin() as c:
        dossier.note(c, ticket_id, digest, bench.clock(), "operator:basia", {"by": "basia"})
    assert list(packed.verify(data, [known])) == []
    assert packed.proof(data, [known]).heads == 1
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        told = json.loads(archive.read("dossier.json"))
        page = archive.read("dossier.html").decode()
    words = [text["text"] for event in told["events"] for text in event["texts"]]
    assert any("dzwoniłam" in text for text in words)
    assert "operator:anna" in page
    assert "operator:basia" in page
    with bench.engine.connect() as c:
        assert list(verify(c)) == []
        last = c.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
    assert (last.actor, last.action, last.reason) == ("operator:basia", "dossier", digest)


def test_letters_of_what_was_merged_belong_to_it(bench: Bench) -> None:
    bench.question()
    bench.letter(EWA.login, "Drugie pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    bench.done(ANNA, r.Merge, "2", other="1")
    with bench.engine.begin() as c:
        ticket_id = dossier.take_over(c, "ZGL0000001")
    assert ticket_id is not None
    with bench.engine.connect() as c:
        c.info["reader"] = True
        data, _ = dossier.make(c, bench.flow.secret, ticket_id, bench.clock())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len([name for name in archive.namelist() if name.startswith("letters/")]) == 2
    assert list(packed.verify(data)) == []
