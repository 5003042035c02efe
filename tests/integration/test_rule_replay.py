"""``rules replay`` and ``explain --queue``: decisions of the real flow, taken again; nothing is written."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, delete, select, update

from mailbot.cli import cli
from mailbot.errors import DatabaseUnavailable
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.reading import read_only
from mailbot.storage.schema import decision, metadata, raw_message
from mailbot.trial import replaying
from mailbot.workers.decide import DecideWorker
from tests.flow import EWA, STRANGER, add_accounts, mail
from tests.support import ROOT

SETTINGS = """
[authentication]
authserv_id = "mx.helpdesk.example"
max_age_days = 36500
[rules]
directory = "rules"
"""
BODIES: dict[str, dict[str, Any]] = {
    "granted": {},
    "refused": {"sender": STRANGER},
    "deletion": {"sender": EWA.login, "subject": "Konto", "body": "Proszę o usunięcie konta."},
    "question": {"sender": STRANGER, "subject": "Pytanie", "body": "Jak zmienić PESEL 44051401458 w formularzu?"},
    "thing": {"sender": "ktos@trzeci.example", "subject": "Pojazd", "body": "Chcę zgłosić niebieski traktor."},
}
"""In this order they are rows 1 to 5 of the inbox."""


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder: settings, a rule set of its own, and a database with decided mails."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailbot.toml").write_text(SETTINGS, encoding="utf-8")
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    parts = compose.build(compose.settings(None), rng=random.Random(1), resolver=StaticResolver({}))
    add_accounts(parts.database.engine)
    now = utc_now()
    raws = [RawMessage(mail(name=name, **words), Envelope(Source.LMTP), now) for name, words in BODIES.items()]
    with parts.database.engine.begin() as connection:
        store(connection, raws, now, parts.secret)
    worker = DecideWorker("decide", parts.database, parts.pipeline, utc_now, parts.rng)
    while await worker.step():
        pass
    await parts.database.close()
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def change(office: Path, file: str, old: str, new: str) -> None:
    path = office / "rules" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


RULE = """  - name: tractors
    title: Tractors are for the first line
    when:
      subject: OTHER
      topic: traktor
    outcome: GENERAL
    state: ZAREJESTROWANE
    desk: I_LINIA
    mails: [T8]

  - name: delete-account
"""
TOPIC = """topics:
  - name: traktor
    title: traktory
    category: OGOLNE
    said: ["(niebieski|zielony) traktor"]

"""


def add_topic(office: Path) -> None:
    """A topic that was not known when the mails were decided, and a rule for it."""
    change(office, "topics.yaml", "topics:\n", TOPIC)
    change(office, "procedures.yaml", "  - name: delete-account\n", RULE)


def test_the_same_rule_set_decides_the_same(office: Path) -> None:
    result = invoke("rules", "replay")
    assert result.exit_code == 0
    assert "5 mails decided again, 0 otherwise" in result.stdout
    assert "5 stored decisions" in result.stderr


def test_only_differences_are_shown(office: Path) -> None:
    add_topic(office)
    result = invoke("rules", "replay", "--json")
    assert result.exit_code == 1
    difference, summary = lines(result)
    assert (difference["inbox"], difference["ticket"]) == (5, "ZGL0000005")
    assert difference["was"]["rule"] == "question-from-anybody"
    assert difference["now"] == {"rule": "tractors", "outcome": "GENERAL", "mails": ["T8"], "floor": []}
    told = summary["summary"]
    assert (told["decided"], told["different"], told["unopened"]) == (5, 1, 0)
    assert told["groups"] == [
        {
            "mails": 1,
            "was": "question-from-anybody (MORE, T6)",
            "now": "tractors (GENERAL, T8)",
        }
    ]
    assert "1 mails: question-from-anybody (MORE, T6) → tractors (GENERAL, T8)" in invoke("rules", "replay").stdout


def test_another_folder_and_other_mails(office: Path) -> None:
    shutil.copytree(office / "rules", office / "new")
    new = office / "new" / "procedures.yaml"
    new.write_text(new.read_text(encoding="utf-8").replace("mails: [T1, T5]", "mails: [T5]"), encoding="utf-8")
    (difference, _) = lines(invoke("rules", "replay", "--rules", "new", "--json"))
    assert difference["inbox"] == 2
    assert (difference["was"]["mails"], difference["now"]["mails"]) == (["T1", "T5"], ["T5"])
    assert invoke("rules", "replay").exit_code == 0


def test_facts_as_recorded(office: Path) -> None:
    add_topic(office)
    assert invoke("rules", "replay", "--stored-facts").exit_code == 0


def test_the_bar_of_a_terminal_leaves_the_answer_alone(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal; stdout is none
    add_topic(office)
    result = invoke("rules", "replay", "--json")
    assert [line.get("inbox") for line in lines(result)] == [5, None]
    assert "stored decisions" in result.stderr


def test_several_processes_read_the_same(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_WORTH_IT", 1)
    monkeypatch.setattr(replaying, "_PAGE", 2)
    add_topic(office)
    result = invoke("rules", "replay", "--json", "--jobs", "2")
    assert [line.get("inbox") for line in lines(result)] == [5, None]


def test_the_newest_and_the_latest(office: Path) -> None:
    add_topic(office)
    newest = lines(invoke("rules", "replay", "--json", "--limit", "1"))
    assert [line["summary"]["decided"] for line in newest if "summary" in line] == [1]
    assert newest[0]["inbox"] == 5
    with engine(office) as connection:
        connection.execute(update(decision).values(decided_at=utc_now() - timedelta(days=2)))
    assert lines(invoke("rules", "replay", "--json", "--since", "1d"))[0]["summary"]["decided"] == 0


def test_a_message_that_cannot_be_opened_is_taken_as_recorded(office: Path) -> None:
    with engine(office) as connection:
        connection.execute(delete(raw_message).where(raw_message.c.inbox_id == 5))
        connection.execute(update(raw_message).where(raw_message.c.inbox_id == 4).values(raw=b"\0mailbot sealed \1x"))
    add_topic(office)
    result = invoke("rules", "replay", "--json")
    assert result.exit_code == 0
    assert lines(result)[0]["summary"]["unopened"] == 2


def test_decisions_of_an_older_version_are_decided_too(office: Path) -> None:
    """Rows from before there were channels: fewer facts, and nobody counted the mails."""
    later = {"holder", "new_login", "replay", "stop", "limit", "thread", "ticket", "complaint", "topic", "service"}
    later |= {"faq", "csd", "language", "maintenance", "arrival"}
    with engine(office) as connection:
        rows = connection.execute(select(decision.c.inbox_id, decision.c.facts)).all()
        for row, facts in rows:
            kept = {fact: word for fact, word in facts.items() if fact not in later}
            old = {"facts": kept, "received_at": None, "answered": 0}
            connection.execute(update(decision).where(decision.c.inbox_id == row).values(old))
    result = invoke("rules", "replay", "--json")
    assert lines(result)[-1]["summary"]["decided"] == 5
    assert result.exit_code == 0


def test_nothing_is_written(office: Path) -> None:
    add_topic(office)
    before = contents(office)
    invoke("rules", "replay")
    invoke("explain", "--queue", "1", "--again")
    assert contents(office) == before
    url = f"sqlite:///{office / 'mailbot.db'}"
    with pytest.raises(DatabaseUnavailable, match="readonly"), read_only(url) as connection:
        connection.execute(delete(decision))


def test_what_cannot_be_done_ends_with_two(office: Path) -> None:
    (office / "rules" / "topics.yaml").write_text("topics: 1\n", encoding="utf-8")
    refused = invoke("rules", "replay")
    assert refused.exit_code == 2
    assert "topics.yaml:1:" in refused.stderr
    (office / "mailbot.db").rename(office / "elsewhere.db")
    missing = invoke("rules", "replay", "--rules", str(ROOT / "rules"))
    assert missing.exit_code == 2
    assert "no such file; mend: name the database" in missing.stderr
    assert not (office / "mailbot.db").exists()


def test_a_stored_decision_is_explained_as_it_was_recorded(office: Path) -> None:
    add_topic(office)
    (found,) = lines(invoke("explain", "--queue", "5", "--again", "--json"))
    assert (found["inbox"], found["ticket"], found["rule"]) == (5, "ZGL0000005", "question-from-anybody")
    assert (found["sender"], found["subject"]) == ("ktos@trzeci.example", "Pojazd")
    assert found["facts"]["topic"] == "none"
    assert found["again"]["rule"] == "tractors"
    assert found["again"]["read_anew"]["topic"] == "traktor"
    assert found["again"]["ruleset"] != found["ruleset"]
    assert (
        "the present rule set: rule tractors, GENERAL, mails T8" in invoke("explain", "--queue", "5", "--again").stdout
    )
    assert "decyduje tak samo" in invoke("explain", "--queue", "1", "--again", "--lang", "pl").stdout


def test_a_decision_is_told_while_the_rule_set_is_wrong(office: Path) -> None:
    (office / "rules" / "topics.yaml").write_text("topics: 1\n", encoding="utf-8")
    told = invoke("explain", "--queue", "5")
    assert told.exit_code == 0
    assert "  rule       question-from-anybody\n" in told.stdout, "without its title, which stands in the rule set"


def test_what_nobody_should_read_is_masked(office: Path) -> None:
    (found,) = lines(invoke("explain", "--queue", "4", "--json"))
    assert found["text"] == "Jak zmienić PESEL [PESEL] w formularzu?"
    shown = invoke("explain", "--queue", "4").stdout
    assert "  > Jak zmienić PESEL [PESEL] w formularzu?" in shown
    assert "44051401458" not in shown


def test_every_message_of_a_ticket(office: Path) -> None:
    found = lines(invoke("explain", "--ticket", "zgl0000001", "--json"))
    assert [one["inbox"] for one in found] == [1]
    assert found[0]["mails"] == ["T1", "T2A", "T3"]
    for unknown in (("--ticket", "ZGL0000099"), ("--queue", "99")):
        missing = invoke("explain", *unknown)
        assert missing.exit_code == 1
        assert "no decision about it; mend:" in missing.stderr


@contextmanager
def engine(office: Path) -> Iterator[Connection]:
    opened = connect(f"sqlite:///{office / 'mailbot.db'}")
    with opened.begin() as connection:
        yield connection
    opened.dispose()


def contents(office: Path) -> dict[str, list[Any]]:
    with engine(office) as connection:
        return {table.name: list(connection.execute(select(table)).all()) for table in metadata.sorted_tables}
