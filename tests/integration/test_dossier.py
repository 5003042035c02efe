"""The file that shows years later why a login was changed: complete, and a forger does not get through."""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select

from mailbot.audit import chain, packed
from mailbot.audit.verify import Head
from mailbot.audit.verify import verify as verify_chain
from mailbot.cli import cli
from mailbot.desk.case import seal
from mailbot.storage.desk import audit, desk_text
from mailbot.storage.schema import ticket_event
from tests.integration.test_case_b import CaseB, case_b
from tests.links import open_ticket

Files = dict[str, bytes]


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[CaseB]:
    async with case_b(tmp_path) as found:
        yield found


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


async def made(flow: CaseB, folder: Path) -> bytes:
    """Of case B, granted and sent, with a note of a person, between the events of another ticket."""
    engine, now = flow.parts.database.engine, flow.clock.now
    with engine.begin() as c:
        chain.note(c, now, chain.MACHINE, "rules-taken", "rules")
    assert await flow.ask() == "OK_B"
    flow.clock.advance(hours=5)
    while await flow.deliverer.step():
        pass
    with engine.begin() as c:
        open_ticket(c, "ZGL0000099")
        for ticket_id, text in ((99, "about another"), (1, "called back, PESEL 44051401359 <script>alert(1)</script>")):
            event = {"ticket_id": ticket_id, "at": now, "kind": "note", "detail": {"by": "anna"}}
            event_id = c.execute(insert(ticket_event).values(event).returning(ticket_event.c.id)).scalar_one()
            c.execute(insert(desk_text), seal(flow.parts.secret, ticket_id, event_id, "note", text))
            chain.take_over(c, 1000)
    settings = f'[database]\nurl = "sqlite:///{folder}/mailbot.db"\n[secret]\nkey_file = "{folder}/key"\n'
    (folder / "mailbot.toml").write_text(settings)
    done = invoke("tickets", "dossier", "zgl 1", "--out", f"{folder}/F.zip", "--config", f"{folder}/mailbot.toml")
    assert done.exit_code == 0, done.output
    return (folder / "F.zip").read_bytes()


def unpacked(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_again(files: Files) -> bytes:
    """With a manifest that fits, as a forger would write it."""
    return packed.pack({name: data for name, data in files.items() if name != packed.MANIFEST})[0]


async def test_a_dossier_holds_everything_and_proves_itself(flow: CaseB, tmp_path: Path) -> None:
    data = await made(flow, tmp_path)
    files = unpacked(data)
    told = json.loads(files["dossier.json"])
    assert told["ticket"]["number"] == "ZGL0000001"
    assert [mail["kind"] for mail in told["mails"]] == ["T1", "T14", "T2B", "T3"]
    assert {event["kind"] for event in told["events"]} >= {"opened", "mail-sent", "note"}
    assert all(event["chained"] for event in told["events"])
    assert b"wniosek.pdf" in files["letters/1.eml"]
    assert told["decisions"][0]["trace"]
    page = files["dossier.html"].decode()
    for part in ("ZGL0000001", "wniosek.pdf", "called back", "250 2.0.0 taken", "operator:anna"):
        assert part in page
    assert "<script" not in page
    assert "44051401359" not in page + files["dossier.json"].decode()
    assert "about another" not in repr(files)
    assert oct((tmp_path / "F.zip").stat().st_mode)[-3:] == "600"

    assert list(packed.verify(data)) == []
    elsewhere = invoke("audit", "verify", f"{tmp_path}/F.zip")
    said, manifest = elsewhere.output.splitlines()
    assert (elsewhere.exit_code, said) == (0, f"{tmp_path}/F.zip: nothing wrong")
    with flow.parts.database.engine.connect() as c:
        assert list(verify_chain(c)) == []
        last = c.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
        rows = {row.seq: row.hash for row in c.execute(select(audit))}
    assert (last.action, last.object) == ("dossier", "ZGL0000001")
    assert last.reason == hashlib.sha256(files["manifest.json"]).hexdigest() == manifest.split()[1].strip(":")
    head = Head(last.seq - 1, rows[last.seq - 1])
    assert list(packed.verify(data, [head])) == []
    whole = packed.proof(data, [head, Head(99, "")])
    assert (whole.heads, whole.rows) == (1, whole.of)


def _in_json(name: str, change: Callable[[dict[str, object]], None]) -> Callable[[Files], None]:
    def forge(files: Files) -> None:
        told = json.loads(files[name])
        change(told)
        files[name] = json.dumps(told).encode()

    return forge


def _event(name: str, value: object) -> Callable[[Files], None]:
    return _in_json("dossier.json", lambda told: told["events"][1].__setitem__(name, value))  # type: ignore[index]


def _row(n: int, **values: object) -> Callable[[Files], None]:
    return _in_json("chain.json", lambda told: told["links"][n]["row"].update(values))  # type: ignore[index]


FORGED: dict[str, tuple[Callable[[Files], None], str]] = {
    "a letter": (lambda f: f.__setitem__("letters/1.eml", b"other"), "is not the mail"),
    "a letter is gone": (lambda f: f.__delitem__("letters/1.eml"), "is not the mail"),
    "an event's detail": (_event("detail", {}), "was changed"),
    "an event's moment": (_event("at", "2020-01-01T00:00:00+00:00"), "was changed"),
    "a text": (_event("sealed", ["0" * 64]), "was changed"),
    "an event is gone": (_in_json("dossier.json", lambda t: t["events"].pop(1)), "is missing"),  # type: ignore[attr-defined]
    "an event of nobody": (
        _in_json("dossier.json", lambda t: t["events"].append({**t["events"][0], "id": 999})),  # type: ignore[attr-defined,index]
        "is not in the chain",
    ),
    "a row": (_row(0, actor="operator:eve"), "was changed, or does not follow"),
    "a row of another": (
        _in_json("chain.json", lambda t: t["links"][-2].update(content="0" * 64)),  # type: ignore[index]
        "does not follow",
    ),
    "a row is gone": (_in_json("chain.json", lambda t: t["links"].pop(-2)), "does not follow"),  # type: ignore[attr-defined]
    "the end is gone": (_in_json("chain.json", lambda t: t["links"].pop()), "does not end in the head"),  # type: ignore[attr-defined]
    "a gap that is filled with a digest": (
        _in_json("chain.json", lambda t: t.update(links=[{"seq": 77, "content": "0" * 64}, *t["links"]])),  # type: ignore[misc]
        "rows are missing",
    ),
    "a file more": (lambda f: f.__setitem__("letters/99.eml", b"other"), "is no file that a dossier has"),
    "a file outside": (
        lambda f: (
            f.__setitem__("views/../../.bashrc", b"x"),
            _in_json("dossier.json", lambda t: t["views"].append("views/../../.bashrc"))(f),  # type: ignore[attr-defined]
        )[0],
        "is no file that a dossier has",
    ),
    "a moment before all": (_event("at", "0001-01-01T00:00:00+14:00"), "is not what mailbot writes"),
    "a deep one": (lambda f: f.__setitem__("chain.json", b"[" * 100_000), "is not what mailbot writes"),
    "no JSON": (lambda f: f.__setitem__("chain.json", b"["), "is not what mailbot writes"),
}


async def test_a_forger_does_not_get_through(flow: CaseB, tmp_path: Path) -> None:
    """Each with a manifest made anew, but not without one."""
    data = await made(flow, tmp_path)
    for what, (forge, said) in FORGED.items():
        files = unpacked(data)
        forge(files)
        found = [finding.what for finding in packed.verify(packed_again(files))]
        assert any(said in one for one in found), (what, found)
    for name in unpacked(data):
        if name != packed.MANIFEST:
            damaged = io.BytesIO()
            with zipfile.ZipFile(damaged, "w") as archive:
                for each, octets in unpacked(data).items():
                    archive.writestr(each, octets + b" " if each == name else octets)
            assert [f.object for f in packed.verify(damaged.getvalue()) if "was changed: its digest" in f.what] == [
                name
            ]
    for bad in (b"", b"PK", data[:1000]):
        with pytest.raises(packed.NoDossier):
            list(packed.verify(bad))


async def test_a_chain_written_anew_for_a_dossier_differs_from_the_head(flow: CaseB, tmp_path: Path) -> None:
    data = await made(flow, tmp_path)
    files = unpacked(data)
    linked, told = json.loads(files["chain.json"]), json.loads(files["dossier.json"])
    last, previous = linked["last"], linked["first"]["hash"]
    known = Head(last, linked["head"]["hash"])
    told["events"][1]["detail"] = {"forged": 1}
    for one in linked["links"]:  # all hashes made to fit
        if row := one.get("row"):
            for event in told["events"]:
                if event["id"] == row["after"]:
                    parts = [event[n] for n in ("id", "ticket_id", "at", "kind", "detail", "sealed")]
                    row["digest"] = chain.digest_of(parts)
            row["previous"] = previous
        content = chain.content_of(row) if row else one["content"]
        previous = chain.link(previous, content)
        if row:
            row["hash"] = previous
    linked["head"]["hash"] = previous
    files["chain.json"], files["dossier.json"] = json.dumps(linked).encode(), json.dumps(told).encode()
    forged = packed_again(files)
    assert list(packed.verify(forged)) == []
    assert [f.what for f in packed.verify(forged, [known])] == ["is another one than the head that was written out"]


async def test_a_head_proves_what_stood_before_it_and_nothing_else(flow: CaseB, tmp_path: Path) -> None:
    """Rows that were made up behind a true head, in a file that says it reaches far."""
    files = unpacked(await made(flow, tmp_path))
    linked = json.loads(files["chain.json"])
    first, rows = linked["first"], packed.rows_of(linked)
    linked["last"] = 10_000
    files["chain.json"] = json.dumps(linked).encode()
    forged = packed_again(files)
    true = Head(first["seq"], first["hash"])
    assert list(packed.verify(forged, [true])) == []
    assert packed.proof(forged, [true, Head(9_999, "0" * 64)]) == packed.HeadCoverage(0, 0, len(rows))
    assert packed.proof(forged, [Head(rows[0]["seq"], rows[0]["hash"])]) == packed.HeadCoverage(1, 1, len(rows))


def _zip(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of the name that stands twice
        for name, data in files:
            archive.writestr(name, data)
    return made.getvalue()


async def test_a_file_that_is_read_in_two_ways_is_no_dossier(flow: CaseB, tmp_path: Path) -> None:
    data = await made(flow, tmp_path)
    twice = [("dossier.html", b"forged"), *unpacked(data).items()]
    locked, spoilt = bytearray(data), bytearray(data)
    entry = data.index(b"PK\1\2")
    locked[6] |= 1  # encrypted (APPNOTE 4.4.4)
    locked[entry + 8] |= 1
    spoilt[60:90] = b"\xff" * 30
    for bad in (_zip(*twice), _zip(*reversed(twice)), bytes(locked), bytes(spoilt)):
        (tmp_path / "bad.zip").write_bytes(bad)
        done = invoke("audit", "verify", f"{tmp_path}/bad.zip")
        assert done.exit_code == 1
        assert "Error: " in done.output


async def test_a_name_does_not_write_over_what_is_said(flow: CaseB, tmp_path: Path) -> None:
    files = unpacked(await made(flow, tmp_path))
    files["x\x1b[2K\x1b[1A\rF.zip: nothing wrong\n"] = b""
    (tmp_path / "F.zip").write_bytes(packed_again(files))
    done = invoke("audit", "verify", f"{tmp_path}/F.zip")
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert "\r" not in done.output
    assert "\nF.zip: nothing wrong" not in done.output
    told = invoke("audit", "verify", f"{tmp_path}/F.zip", "--json")
    assert json.loads(told.output.splitlines()[-1])["findings"] == 1


async def test_there_is_none_of_what_is_not_there(flow: CaseB, tmp_path: Path) -> None:
    await made(flow, tmp_path)
    for number in ("ZGL0000777", "x"):
        done = invoke(
            "tickets", "dossier", number, "--out", f"{tmp_path}/G.zip", "--config", f"{tmp_path}/mailbot.toml"
        )
        assert done.exit_code == 1
        assert re.search("no such ticket", done.output)
    assert not (tmp_path / "G.zip").exists()
