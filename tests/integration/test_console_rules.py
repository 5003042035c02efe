"""Screen 5: what the rules did, a mail explained and two sets compared, without anything written."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, func, insert, select

from mailbot.console import rules, trials
from mailbot.console.trials import TrialFailed, TrialJob
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.signatures import wire
from mailbot.storage.schema import inbox, ruleset_load, shadow_hit
from mailbot.tickets import decisions
from tests.citizens import HELPDESK
from tests.consoles import console
from tests.flow import EWA, JAN, PDF, STRANGER, Flow, mail, running
from tests.support import ROOT

Client = TestClient[web.Request, web.Application]
HERE, LOCKED = "here", "locked"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ACCOUNT = {"login": JAN.login, "given": "Jan", "surname": "Kowalski", "year": "1980"}


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        made.session.cookie_jar.update_cookies({"who": "ada"})
        yield made


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial without a locked process, whose start costs most: one of each road has it."""

    async def run(trial: TrialJob, job: bytes, read: Callable[[wire.Frame], dict[str, Any]]) -> dict[str, Any]:
        module, _, factory = trial.handler.partition(":")
        handler = getattr(import_module(module), factory)(json.loads(json.dumps(trial.settings)))
        return read(wire.read(io.BytesIO(wire.frame(*handler(*wire.read(io.BytesIO(job)))))))

    monkeypatch.setattr(TrialJob, "_run", run)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> None:
    """Where a trial is made."""
    if request.param == HERE:
        request.getfixturevalue("here")


def form(files: dict[str, bytes], **fields: str) -> FormData:
    data = FormData(fields)
    for name, octets in files.items():
        data.add_field(name, octets, filename=f"{name}.bin", content_type="application/octet-stream")
    return data


async def post(client: Client, path: str, data: FormData, status: int = 200) -> str:
    answer = await client.post(path, data=data)
    assert answer.status == status
    return await answer.text()


def packed(folder: Path, top: str = "rules", **changes: str) -> bytes:
    """The rule set of ``folder`` as an archive, some files in other words."""
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".yaml", ".j2"):
                name = str(path.relative_to(folder))
                text = changes.get(path.stem, path.read_text(encoding="utf-8"))
                archive.writestr(f"{top}/{name}" if top else name, text)
    return octets.getvalue()


def cells(page: str, row: str) -> list[str]:
    found = re.search(rf'(?s)<th scope="row">{re.escape(row)}</th>(.*?)</tr>', page)
    assert found, row
    return [
        re.sub(r"\s+", " ", re.sub("<[^>]*>", "", one)).strip() for one in re.findall(r"(?s)<td>(.*?)</td>", found[1])
    ]


async def test_hits_and_what_never_held(client: Client, flow: Flow) -> None:
    await flow.answer(mail())
    now = flow.clock()
    await flow.parts.database.write(
        lambda c: c.execute(insert(shadow_hit).values(inbox_id=1, rule="gone", outcome="REVIEW", decided_at=now))
    )
    page = await (await client.get("/rules")).text()
    assert cells(page, "case-a")[1:] == ["1", f"{now:%Y-%m-%d}", "–"]
    assert cells(page, "malware")[1] == "nigdy"
    assert cells(page, "gone")[3] == "REVIEW: 1"
    assert "nie ma jej w zestawie" in cells(page, "gone")[0]
    assert flow.parts.pipeline.ruleset.hash in page


async def test_refused_sets_are_told_as_text(client: Client, flow: Flow) -> None:
    row = insert(ruleset_load).values(at=flow.clock(), process=HOSTILE, mistakes=f"a.yaml: {HOSTILE}\nb.yaml: x")
    await flow.parts.database.write(lambda c: c.execute(row))
    page = await (await client.get("/rules")).text()
    assert "błędów: 2" in page
    assert "jest odrzucony" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("fields", "rule", "place"),
    [
        ({}, "no-login", HERE),
        (ACCOUNT, "case-a", LOCKED),
        ({**ACCOUNT, "year": "1981"}, "other-year", HERE),
        ({**ACCOUNT, "authentication": "fail"}, "forged-sender", HERE),
        ({**ACCOUNT, "authentication": "anything", "year": "x"}, "no-login", HERE),
    ],
    indirect=["place"],
)
@pytest.mark.usefixtures("place")
async def test_a_mail_is_explained(client: Client, flow: Flow, fields: dict[str, str], rule: str) -> None:
    page = await post(client, "/rules/explain", form({"mail": mail()}, **fields))
    assert f"<dd>{rule}:" in page
    assert f"✓ {rule}" in page
    assert ("aktywacja/" in page) == (rule == "case-a"), "the mails are shown"
    assert await flow.rows(select(func.count()).select_from(inbox)) == [(0,)], "nothing is kept"


@pytest.mark.parametrize(
    ("taken", "rule", "place"),
    [("qualified", "case-b", LOCKED), ("doubt", "application-in-doubt", HERE)],
    indirect=["place"],
)
@pytest.mark.usefixtures("place")
async def test_a_signed_application_is_what_it_is_taken_for(client: Client, taken: str, rule: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "jan.nowy@mejl.example", HELPDESK, REQUIRED_SUBJECT
    letter["Date"] = "Fri, 20 Nov 2026 10:00:00 +0100"
    letter.set_content(f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980")
    letter.add_attachment(b"%PDF-1.7 signed", maintype="application", subtype="pdf", filename="wniosek.pdf")
    data = form({"mail": letter.as_bytes()}, **ACCOUNT, authentication="pass", application=taken)
    page = await post(client, "/rules/explain", data)
    assert f"<dd>{rule}:" in page
    assert "Podpisu nikt nie sprawdził" in page


@pytest.mark.usefixtures("here")
async def test_a_file_that_nobody_would_check_is_taken_for_nothing(client: Client) -> None:
    """Beside sentence A from a login it means nothing; from anybody else it is a formal defect."""
    expected = {JAN.login: ("case-a", "not-asked"), STRANGER: ("formal-defects", "qualified")}
    for sender, (rule, word) in expected.items():
        data = form({"mail": mail(sender, files=[PDF])}, **ACCOUNT, authentication="pass", application="qualified")
        page = await post(client, "/rules/explain", data)
        assert f"<dd>{rule}:" in page
        assert f"<dt>application</dt><dd>{word}</dd>" in page


@pytest.mark.usefixtures("here")
async def test_whatever_is_handed_in_is_text(client: Client) -> None:
    subject = f"Subject: {HOSTILE}\r\n".encode()
    raw = b"From: <a@b.example>\r\n" + subject + b"\r\n" + HOSTILE.encode()
    for octets in (raw, HOSTILE.encode(), b"\0\xff" * 1000):
        page = await post(client, "/rules/explain", form({"mail": octets}, **ACCOUNT))
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_no_mail_and_a_mail_that_is_too_large(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "wybierz plik maila" in await post(client, "/rules/explain", form({}, **ACCOUNT), 422)
    monkeypatch.setattr(rules, "_MAIL", 100)
    await post(client, "/rules/explain", form({"mail": b"x" * 101}), 413)


async def test_a_slow_trial_is_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "_DEADLINE", 0.001)
    assert "za długo" in await post(client, "/rules/explain", form({"mail": mail()}), 422)


async def test_one_trial_at_a_time(client: Client) -> None:
    data = [form({"mail": mail()}, **ACCOUNT) for _ in range(2)]
    answers = await asyncio.gather(*(client.post("/rules/explain", data=one) for one in data))
    assert sorted(answer.status for answer in answers) == [200, 422]
    (busy,) = [await answer.text() for answer in answers if answer.status == 422]
    assert "trwa inna próba" in busy


async def _history(flow: Flow) -> None:
    await flow.answer(mail())
    await flow.answer(mail(EWA.login, "Nie działa formularz.", subject="Pytanie", name="q"), EWA.login)


@pytest.mark.usefixtures("here")
async def test_what_was_recorded_is_what_is_decided_again(client: Client, flow: Flow) -> None:
    await _history(flow)
    page = await post(client, "/rules/compare", form({}, count="200"))
    assert "Rozstrzygnięto jeszcze raz: 2, inaczej: 0." in page
    assert "jak zapisano" in page


@pytest.mark.parametrize(("top", "place"), [("", LOCKED), ("a/b", HERE)], indirect=["place"])
@pytest.mark.usefixtures("place")
async def test_another_set_decides_otherwise(client: Client, flow: Flow, top: str) -> None:
    await _history(flow)
    rows = (ROOT / "rules" / "procedures.yaml").read_text(encoding="utf-8")
    other = rows.replace("- name: question-from-a-login", "- name: asked-from-a-login")
    data = form({"second": packed(ROOT / "rules", top, procedures=other)})
    page = await post(client, "/rules/compare", data)
    assert "jeszcze raz: 2, inaczej: 1." in page
    assert "asked-from-a-login (" in page
    assert "ZGL0000002" in page
    assert "jak zapisano" not in page
    data = form({name: packed(ROOT / "rules", top, procedures=other) for name in ("first", "second")})
    assert "inaczej: 0." in await post(client, "/rules/compare", data)


async def test_a_set_with_mistakes_is_refused_with_each_of_them(client: Client, flow: Flow) -> None:
    await _history(flow)
    data = form({"second": packed(ROOT / "rules", topics=f"- {HOSTILE}\n")})
    page = await post(client, "/rules/compare", data, 422)
    assert "topics.yaml" in page
    assert "<script>alert" not in page
    assert "mailbot-rules-" not in page, "our own place is nobody's business"


def _bomb() -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("procedures.yaml", b"a" * 1_500_000)
    return octets.getvalue()


def _spoilt() -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("procedures.yaml", b"a: b\n" * 500)
    data = octets.getvalue()
    at = 30 + len("procedures.yaml") + 4  # behind the local header and that of LZMA: its properties
    return data[:at] + b"\xff" * 5 + data[at + 5 :]


def _climbing() -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as archive:
        archive.writestr("procedures.yaml", "")
        for name in ("../evil.yaml", "/tmp/evil.yaml", "mails/../../evil.yaml", "mails/x/evil.j2", "evil.py"):
            archive.writestr(name, "evil")
    return octets.getvalue()


@pytest.mark.parametrize(
    "octets",
    [b"", b"no archive", b"PK\3\4" + b"\0" * 100, _bomb(), _spoilt()],
    ids=["empty", "text", "half", "bomb", "spoilt"],
)
def test_an_archive_that_is_none(octets: bytes, tmp_path: Path) -> None:
    with pytest.raises(TrialFailed):
        trials.unpack(octets, tmp_path)


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    trials.unpack(_climbing(), folder)
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()] == [
        Path("in/side/procedures.yaml")
    ]


def test_a_whole_rule_set_comes_out_as_it_went_in(tmp_path: Path) -> None:
    trials.unpack(packed(ROOT / "rules"), tmp_path)
    kept = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    wanted = {p.relative_to(ROOT / "rules") for p in (ROOT / "rules").rglob("*") if p.suffix in (".yaml", ".j2")}
    assert kept == {path for path in wanted if str(path.parent) in (".", "mails", "languages")}


@pytest.mark.parametrize(
    ("who", "sees", "tries"), [("ada", 200, 422), ("oskar", 200, 403), ("anna", 403, 403), ("olek", 403, 403)]
)
async def test_who_may(client: Client, who: str, sees: int, tries: int) -> None:
    cookies = {"who": who}
    answer = await client.get("/rules", cookies=cookies)
    assert answer.status == sees
    assert ("/rules/explain" in await answer.text()) == (tries != 403)
    assert (await client.post("/rules/explain", data=form({}, x="y"), cookies=cookies)).status == tries
    status = (await client.post("/rules/compare", data=form({"first": b"x"}), cookies=cookies)).status
    assert status == tries


@pytest.mark.usefixtures("here")
async def test_a_mail_that_was_erased_is_taken_as_recorded(flow: Flow, tmp_path: Path) -> None:
    await _history(flow)
    asked: list[Any] = []

    def stored(connection: Connection) -> None:
        which = decisions.since(flow.clock().replace(year=2020), 10)
        asked.extend((one, None) for one in next(decisions.pages(connection, which, 10)))

    await flow.parts.database.read(stored)
    found = await TrialJob("compare", flow.parts.settings, [None, None]).compare(asked)
    assert (found["decided"], found["different"]) == (2, 0)
    assert found["unread"] == 1
