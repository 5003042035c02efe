"""Whatever a person can do wrong, each command ends with words and an exit code, never with a traceback."""

from __future__ import annotations

import io
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click
import pytest

from mailbot.cli import cli, main
from mailbot.cli.man import commands
from mailbot.config import DatabaseSettings, SecretSettings, Settings
from mailbot.service import compose
from mailbot.service.places import SHIPPED_RULES
from mailbot.storage import engine as storage

_SERVES = ("demo",)
"""Takes no settings and goes on by itself."""


def leaves() -> list[tuple[tuple[str, ...], click.Command]]:
    every = commands(cli, click.Context(cli, info_name="mailbot"))
    return [(words[1:], c) for words, c in every if not isinstance(c, click.Group) and words[1] not in _SERVES]


def value(parameter: click.Parameter, wrong: bool) -> str:
    """What may be given; ``wrong``: of another kind."""
    if isinstance(parameter.type, click.Choice):
        return "\udcff?" if wrong else str(next(iter(parameter.type.choices)))
    if isinstance(parameter.type, click.types.IntParamType):
        return "99999999999999999999" if wrong else "1"
    if isinstance(parameter.type, click.Path):
        return "\udcff/\n" if wrong else "absent"
    return "\udcff\0'; --" if wrong else "ZGL2400001"


def arguments(command: click.Command, wrong: bool) -> list[str]:
    given: list[str] = []
    for parameter in command.params:
        if parameter.required:
            given += [parameter.opts[0]] if isinstance(parameter, click.Option) else []
            given.append(value(parameter, wrong))
        elif parameter.name == "reason":
            given += ["--reason", "tried"]
    return given


def good(folder: Path) -> None:
    """A database of today with its key."""
    database, key = DatabaseSettings(f"sqlite:///{folder}/mailbot.db"), SecretSettings(str(folder / "mailbot.key"))
    chosen = Settings(database=database, secret=key)
    engine = storage.connect(database.url)
    compose.opened(chosen, engine)
    engine.dispose()


def sql(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(folder / "mailbot.db")) as connection:
        connection.executescript(script)


def nothing(folder: Path) -> None:
    pass


def garbage(folder: Path) -> None:
    (folder / "mailbot.db").write_bytes(b"no database at all\n" * 500)


def directory(folder: Path) -> None:
    (folder / "mailbot.db").mkdir()


def foreign(folder: Path) -> None:
    sql(folder, "CREATE TABLE inbox (title TEXT); CREATE TABLE account (name TEXT); INSERT INTO inbox VALUES ('x')")


def empty_file(folder: Path) -> None:
    (folder / "mailbot.db").touch()


def newer(folder: Path) -> None:
    good(folder)
    sql(folder, "UPDATE alembic_version SET version_num = '9999'")


def half(folder: Path) -> None:
    """Cut in the middle, as by a copy that was broken off."""
    good(folder)
    file = folder / "mailbot.db"
    file.write_bytes(file.read_bytes()[:20_000])


def loop(name: str) -> Callable[[Path], None]:
    """Nobody can open it, not even root."""

    def made(folder: Path) -> None:
        good(folder)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(name)

    return made


def key(octets: bytes | None) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        good(folder)
        (folder / "mailbot.key").unlink()
        if octets is not None:
            (folder / "mailbot.key").write_bytes(octets)

    return made


def rules(text: bytes) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        good(folder)
        shutil.copytree(SHIPPED_RULES, folder / "rules")
        (folder / "rules" / "procedures.yaml").write_bytes(text)

    return made


def no_rules(folder: Path) -> None:
    good(folder)
    (folder / "rules").touch()


PLACES: dict[str, tuple[Callable[[Path], None], str | bytes]] = {
    "empty folder": (nothing, ""),
    "folder that is none": (
        nothing,
        '[database]\nurl = "sqlite:////proc/none/mailbot.db"\n[secret]\nkey_file = "/proc/k"',
    ),
    "garbage": (garbage, ""),
    "directory": (directory, ""),
    "another program's": (foreign, ""),
    "empty file": (empty_file, ""),
    "newer": (newer, ""),
    "cut off": (half, ""),
    "unreadable database": (loop("mailbot.db"), ""),
    "no server": (nothing, '[database]\nurl = "postgresql+psycopg://jan:tajne@127.0.0.1:1/mailbot"'),
    "no url": (nothing, '[database]\nurl = "tajne"'),
    "other driver": (nothing, '[database]\nurl = "mysql+nothing://jan:tajne@127.0.0.1/mailbot"'),
    "odd url": (nothing, '[database]\nurl = "postgresql+psycopg://jan:tajne@[::1:port/mailbot?host=%"'),
    "broken TOML": (nothing, "[database\n"),
    "not UTF-8": (nothing, b'[helpdesk]\nname = "\xff"\n'),
    "NUL in a place": (nothing, '[secret]\nkey_file = "a\\u0000b"\n[rules]\ndirectory = "a\\u0000b"'),
    "wrong kind": (nothing, "[database]\nurl = 1\n[worker]\nprocesses = -1\n"),
    "no key": (key(None), ""),
    "short key": (key(b"short"), ""),
    "other key": (key(bytes(32)), ""),
    "unreadable key": (loop("mailbot.key"), ""),
    "rules that are a file": (no_rules, '[rules]\ndirectory = "rules"'),
    "rules that are no YAML": (rules(b"rules: [\n"), '[rules]\ndirectory = "rules"'),
    "rules that are not UTF-8": (rules(b"\xff\xfe\0"), '[rules]\ndirectory = "rules"'),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.connect, "__defaults__", (DatabaseSettings(lock_seconds=0),))


def ends(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """How the command ends badly; "" when it ends as it should."""
    monkeypatch.setattr(sys, "argv", ["mailbot", *words])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    try:
        main()
    except SystemExit as end:
        return "" if end.code in range(3) or end.code in (74, 75, 78) else f"exit {end.code}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "did not end"


def begin(place: Path, monkeypatch: pytest.MonkeyPatch, settings: str | bytes) -> None:
    monkeypatch.chdir(place)
    Path("mailbot.toml").write_bytes(settings if isinstance(settings, bytes) else settings.encode())


def every(monkeypatch: pytest.MonkeyPatch, *, wrong: bool = False, but: tuple[str, ...] = ()) -> dict[str, str]:
    """Command → how it ends badly."""
    found = {}
    for words, command in leaves():
        if words[0] not in but and (bad := ends(monkeypatch, *words, *arguments(command, wrong))):
            found[" ".join(words)] = bad
    return found


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("situation", PLACES)
def test_a_broken_installation(
    situation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, settings = PLACES[situation]
    prepare(tmp_path)
    begin(tmp_path, monkeypatch, settings)
    # A database that is not there yet, or has nothing in it, is made: mailbot would run.
    assert every(monkeypatch, but=("run",) if situation in ("empty folder", "empty file") else ()) == {}
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert "tajne" not in told.out + told.err


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    good(tmp_path)
    begin(tmp_path, monkeypatch, "[database]\nlock_seconds = 0\n")
    with closing(sqlite3.connect(tmp_path / "mailbot.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert every(monkeypatch) == {}


def test_arguments_of_another_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good(tmp_path)
    begin(tmp_path, monkeypatch, "")
    assert every(monkeypatch, wrong=True, but=("run",)) == {}


def test_nothing_that_is_named_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good(tmp_path)
    begin(tmp_path, monkeypatch, "")
    assert every(monkeypatch, but=("run",)) == {}
