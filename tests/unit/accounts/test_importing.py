"""What the import makes of files as such; what it writes is in tests/contract/test_accounts.py."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from mailbot.accounts.importing import BadLine, ImportReport, import_file
from mailbot.errors import ImportRefused
from mailbot.secret import Secret
from mailbot.storage.engine import connect
from mailbot.storage.schema import account, metadata

SECRET = Secret(b"k" * 32)
HEADER = b"login,given,surname,birth_year\n"
GOOD = b"a@wp.example,Jan,Nowak,1980\n"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = connect(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(made)
    return made


def test_a_line_without_end_costs_no_memory(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + b"x" * 20_000_000 + b"\n" + GOOD)
    told: list[BadLine] = []
    tracemalloc.start()
    try:
        report = import_file(path, engine, SECRET, refuse=False, on_bad=told.append)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report == ImportReport(1, 1)
    assert told[0].line == 2
    assert peak < 5_000_000


@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"", "line 1: column login"),
        (b"login,given,surname\n" + GOOD, "line 1: column birth_year is missing"),
        (GOOD, "line 1: column"),
        (b"x" * 100_000, "line 1: column"),
    ],
    ids=["absent", "empty", "column", "no header", "no lines"],
)
def test_a_file_that_cannot_be_read_is_refused(
    engine: Engine, tmp_path: Path, content: bytes | None, why: str, refuse: bool
) -> None:
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImportRefused, match=why) as refused:
        import_file(path, engine, SECRET, refuse=refuse)
    assert refused.value.reason.startswith(str(path))
    assert "mend:" in refused.value.reason


def test_a_header_alone_is_no_account(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER)
    assert import_file(path, engine, SECRET, refuse=True) == ImportReport(0, 0)


def test_a_pipe_can_be_imported_but_not_refused(engine: Engine, tmp_path: Path) -> None:
    for refuse in (False, True):
        reader, writer = os.pipe()
        os.write(writer, HEADER + GOOD)
        os.close(writer)
        path = Path(f"/dev/fd/{reader}")
        try:
            if refuse:
                with pytest.raises(ImportRefused, match="read twice"):
                    import_file(path, engine, SECRET, refuse=True)
            else:
                assert import_file(path, engine, SECRET, refuse=False) == ImportReport(1, 0)
        finally:
            os.close(reader)


def test_a_file_that_changes_between_the_passes_is_noticed(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + GOOD)

    def spoil(_progress: object) -> None:
        path.write_bytes(HEADER + GOOD.replace(b"Nowak", b"     "))

    with pytest.raises(ImportRefused, match="changed while it was read"):
        import_file(path, engine, SECRET, refuse=True, progress=spoil)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(account)).scalar_one() == 0


def test_the_text_of_a_refusal_stays_short_and_all_lines_are_told(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + b"bad\n" * 3000)
    told: list[BadLine] = []
    with pytest.raises(ImportRefused) as refused:
        import_file(path, engine, SECRET, refuse=True, on_bad=told.append)
    assert len(refused.value.reason.splitlines()) == 21
    assert [bad.line for bad in told] == list(range(2, 3002))
