"""One key and one rule set for all machines of a database, on each engine."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from mailbot import processes
from mailbot.errors import ConfigError
from mailbot.installation import open_key
from mailbot.machine import own_name
from mailbot.processes import Process
from mailbot.storage.desk import audit
from mailbot.storage.shared import process
from tests.links import NOW

HERE = own_name().rpartition(":")[0]
OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def _bound(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        open_key(connection, tmp_path / "key")


def one(name: str, ruleset: str = OLD, seconds: float = 0.0) -> Process:
    return Process(name, "worker", "0.2.0", ruleset, NOW + timedelta(seconds=seconds))


def enter(engine: Engine, who: Process) -> None:
    with engine.begin() as connection:
        processes.enter(connection, who)


def beat(engine: Engine, who: Process) -> str | None:
    with engine.begin() as connection:
        return processes.beat(connection, who)


def test_the_first_process_brings_its_set_and_the_second_must_have_it(engine: Engine) -> None:
    enter(engine, one("a:1"))
    enter(engine, one("b:1"))
    with pytest.raises(ConfigError, match=r"^\[rules\] directory: .* b{12}, but a{12} is in force on a:1, b:1; mend: "):
        enter(engine, one("c:1", NEW))
    assert beat(engine, one("a:1")) == OLD, "who was refused has changed nothing"


def test_who_is_alone_brings_a_new_set(engine: Engine) -> None:
    enter(engine, one("a:1"))
    enter(engine, one("a:1", NEW))
    with engine.begin() as connection:
        processes.leave(connection, "a:1")
    enter(engine, one("b:1", OLD))
    assert beat(engine, one("b:1", OLD)) == OLD


@pytest.mark.parametrize(("seconds", "refused"), [(29, True), (31, False), (-60, True), (-3600, False)])
def test_who_was_not_heard_for_half_a_minute_is_dead_also_by_a_clock_that_was_set_back(
    engine: Engine, seconds: float, refused: bool
) -> None:
    enter(engine, one("a:1"))
    if refused:
        with pytest.raises(ConfigError):
            enter(engine, one("b:1", NEW, seconds))
    else:
        enter(engine, one("b:1", NEW, seconds))
        assert beat(engine, one("a:1", OLD, seconds)) == NEW, "one that only hung hears of it"


def test_who_was_killed_on_this_machine_is_dead_at_once(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    enter(engine, one(f"{HERE}:{ended.pid}"))
    enter(engine, one("b:1", NEW))
    enter(engine, one(own_name(), NEW))
    with pytest.raises(ConfigError):
        enter(engine, one("c:1", OLD))


def test_a_set_is_adopted_and_the_chain_says_by_whom(engine: Engine) -> None:
    enter(engine, one("a:1"))
    with engine.begin() as connection:
        assert [each.name for each in processes.adopt(connection, NEW, "root", NOW)] == ["a:1"]
        (row,) = connection.execute(select(audit.c.actor, audit.c.action, audit.c.reason)).all()
    assert tuple(row) == ("shell:root", "rules-adopted", NEW)
    assert beat(engine, one("a:1")) == NEW
    enter(engine, one("b:1", NEW))


def test_rows_of_the_dead_do_not_stay(engine: Engine) -> None:
    for n in range(5):
        enter(engine, one(f"dead:{n}"))
    beat(engine, one("a:1", OLD, 90_000))
    with engine.connect() as connection:
        assert connection.execute(select(process.c.name)).scalars().all() == ["a:1"]
