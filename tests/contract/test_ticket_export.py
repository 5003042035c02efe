"""What ``mailbot tickets export`` writes, on each engine."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, update

from mailbot.cli import cli
from mailbot.storage.schema import ticket
from mailbot.tickets import listing
from tests.links import open_ticket

NOW = datetime.now(UTC)


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> Path:
    with engine.begin() as connection:
        for number in range(1, 8):
            open_ticket(connection, f"ZGL{number:07}")
            opened = {"opened_at": NOW - timedelta(days=10 - number), "correspondent": f"m{number}@wp.example"}
            connection.execute(update(ticket).where(ticket.c.id == number).values(**opened))
        connection.execute(update(ticket).where(ticket.c.id == 7).values(state="W_TOKU"))
    file = tmp_path / "mailbot.toml"
    url = engine.url.render_as_string(hide_password=False)
    file.write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")
    return file


def export(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["tickets", "export", *words, "--config", str(settings)])


def numbers(settings: Path, *words: str) -> list[str]:
    done = export(settings, *words)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["number"] for line in done.stdout.splitlines()]


def test_every_ticket_in_its_order_over_several_pages(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PAGE", 2)
    assert numbers(settings) == [f"ZGL{number:07}" for number in range(1, 8)]
    assert numbers(settings, "--since", "6d") == ["ZGL0000005", "ZGL0000006", "ZGL0000007"]
    assert numbers(settings, "--state", "W_TOKU") == ["ZGL0000007"]
    assert numbers(settings, "--state", "KWARANTANNA") == []
    assert export(settings, "--state", "NIC").exit_code == 2


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(settings: Path, engine: Engine, first: str) -> None:
    said = f'{first}HYPERLINK("http://zly.example";"x"),44051401359\n@wp.example'
    with engine.begin() as connection:
        connection.execute(update(ticket).where(ticket.c.id == 1).values(correspondent=said, owner=f"{first}x"))
    done = export(settings, "--format", "csv")
    head, row, *_ = csv.reader(io.StringIO(done.stdout, newline=""))
    found = dict(zip(head, row, strict=True))
    assert found["owner"] == f"'{first}x"
    assert not found["correspondent"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "44051401359" not in done.stdout
    assert len(row) == len(head)


def test_what_is_ours_alone_is_not_exported(settings: Path) -> None:
    (line, *_) = export(settings).stdout.splitlines()
    assert not {"fingerprint", "person", "person_key", "inbox_id", "id"} & set(json.loads(line))
