"""The directory and the import, on each engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Engine, func, insert, select

from mailbot.accounts.directory import Directory
from mailbot.accounts.importing import BadLine, ImportProgress, ImportReport, import_file
from mailbot.accounts.memory import MemoryDirectory
from mailbot.accounts.rows import column_values
from mailbot.accounts.sql import SqlDirectory
from mailbot.errors import DatabaseUnavailable, ImportRefused
from mailbot.model import Account, AccountStatus
from mailbot.secret import Secret
from mailbot.storage.schema import account as table
from mailbot.storage.schema import metadata
from mailbot.text import address, pesel
from tests.registries import office

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
SECRET = Secret(b"k" * 32)
JAN = Account("Jan.Kowalski@wp.example", "Jan", "Kowalski", 1980, "m", csd=True)
EWA = Account("ewa@xn--d-dla.example", "Ewa", "Gołąb", 1975, "f", scope="rozszerzony")
ZOFIA = Account("zofia@wp.example", "Zofia", "Duda", 1965, status=AccountStatus.BLOCKED)
PESEL = "80010112340"  # 1 January 1980, a woman; the check digit is right

Make = Callable[[Engine], Directory]


def sql(engine: Engine) -> Directory:
    with engine.begin() as connection:
        connection.execute(insert(table), [column_values(a) for a in (JAN, EWA, ZOFIA)])
    return SqlDirectory()


def memory(_engine: Engine) -> Directory:
    return MemoryDirectory((JAN, EWA, ZOFIA))


def scim(_engine: Engine) -> Directory:
    """What the registry over SCIM answers for every login of these tests, asked in time."""
    with TemporaryDirectory() as folder, office(Path(folder), (JAN, EWA, ZOFIA)) as there:
        return asyncio.run(there.registry().ask([key for login in ASKED if (key := address.login_key(login))]))


ASKED = (
    JAN.login,
    EWA.login,
    ZOFIA.login,
    "jankowalski@wp.example",
    "jan.kowalski+x@wp.example",
    "%@wp.example",
    "nobody@wp.example",
)
both = pytest.mark.parametrize("make", [sql, memory])
every = pytest.mark.parametrize("make", [sql, memory, scim])


@every
@pytest.mark.parametrize(
    ("login", "found"),
    [
        ("jan.kowalski@wp.example", JAN),
        ("JAN.KOWALSKI@WP.EXAMPLE", JAN),
        ("ewa@łd.example", EWA),
        ("EWA@ŁD.example", EWA),
        ("ewa@xn--d-dla.example", EWA),
        ("zofia@wp.example", ZOFIA),
        ("jankowalski@wp.example", None),
        ("jan.kowalski+x@wp.example", None),
        ("no address", None),
        ("", None),
        ("%@wp.example", None),
    ],
)
def test_a_login_is_found_in_any_spelling_and_no_other_is(
    engine: Engine, make: Make, login: str, found: Account | None
) -> None:
    directory = make(engine)
    with engine.connect() as connection:
        assert directory.find(connection, login) == found


@every
def test_many_are_found_at_once(engine: Engine, make: Make) -> None:
    directory = make(engine)
    with engine.connect() as connection:
        found = directory.find_many(connection, ["jan.kowalski@wp.example", "nobody@wp.example", "zofia@wp.example"])
        assert found == {"jan.kowalski@wp.example": JAN, "zofia@wp.example": ZOFIA}
        assert directory.find_many(connection, []) == {}


@both
@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        (replace(JAN, login="inny@wp.example"), True),
        (replace(JAN, login="inny@wp.example", given="JAN PAWEŁ"), True),
        (replace(JAN, login="inny@wp.example", given="Paweł Jan"), False),
        (replace(JAN, login="inny@wp.example", birth_year=JAN.birth_year + 1), False),
        (replace(JAN, login="inny@wp.example", surname="Kowal"), False),
    ],
)
def test_a_namesake_is_another_account_of_name_and_year(
    engine: Engine, make: Make, other: Account, is_one: bool
) -> None:
    directory = make(engine)
    with engine.connect() as connection:
        assert not directory.has_namesake(connection, JAN)
        assert directory.has_namesake(connection, other) is is_one


@both
@pytest.mark.parametrize(
    ("login", "new_login", "done"),
    [
        ("jan.kowalski@WP.example", None, True),
        ("jan.kowalski@wp.example", "Nowy@wp.example", True),
        ("jan.kowalski@wp.example", "JAN.kowalski@wp.example", True),
        ("jan.kowalski@wp.example", "zofia@wp.example", False),
        ("jan.kowalski@wp.example", "not an address", False),
        ("zofia@wp.example", None, False),
        ("nobody@wp.example", None, False),
        ("", None, False),
    ],
    ids=["set", "set and move", "move to itself", "taken", "no address", "blocked", "unknown", "empty"],
)
def test_the_emergency_password_is_set_for_active_accounts_only(
    engine: Engine, make: Make, login: str, new_login: str | None, done: bool
) -> None:
    directory = make(engine)
    with engine.begin() as connection:
        assert directory.set_emergency_password(connection, login, "hash", NOW, new_login) is done
    with engine.connect() as connection:
        assert (directory.find(connection, JAN.login) is None) is (done and new_login == "Nowy@wp.example")
        if done and new_login:
            moved = directory.find(connection, new_login)
            assert moved is not None
            assert (moved.login, moved.surname) == (new_login, "Kowalski")
        if isinstance(directory, SqlDirectory):
            set_rows = connection.execute(select(table.c.surname).where(table.c.emergency_set_at == NOW)).scalars()
            assert list(set_rows) == (["Kowalski"] if done else [])


class Import:
    """One import and what it told."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.path = engine, folder / "accounts.csv"
        self.told: list[BadLine] = []
        self.steps: list[ImportProgress] = []

    def __call__(self, content: str | bytes, *, refuse: bool = False) -> ImportReport:
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.told, self.steps = [], []
        return import_file(
            self.path,
            self.engine,
            SECRET,
            refuse=refuse,
            progress=self.steps.append,
            on_bad=self.told.append,
            clock=lambda: NOW,
        )

    def row(self, key: str) -> dict[str, object]:
        with self.engine.connect() as connection:
            found = connection.execute(select(table).where(table.c.login_key == key)).mappings().one()
        return {k: v for k, v in found.items() if k not in ("id", "login_key")}

    def count(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Import:
    return Import(engine, tmp_path)


def test_every_column_arrives(run: Import) -> None:
    content = (
        "\N{BOM}Login;given;SURNAME;birth_year;sex;pesel;scope;csd;status\r\n"
        f'Ewa@ŁD.example; Ewa  Maria ;"Gołąb ""Nowak""; von";1980;k;{PESEL};rozszerzony;tak;zablokowane\r\n'
    )
    assert run(content) == ImportReport(1, 0)
    assert run.row("ewa@xn--d-dla.example") == {
        "login": "Ewa@xn--d-dla.example",
        "given": "Ewa Maria",
        "surname": 'Gołąb "Nowak"; von',
        "surname_key": "golab nowak von",  # a sign tells no namesakes apart
        "birth_year": 1980,
        "sex": "f",
        "pesel_hash": pesel.keyed_hash(SECRET, PESEL),
        "scope": "rozszerzony",
        "csd": 1,
        "status": "blocked",
        "emergency_hash": None,
        "emergency_set_at": None,
        "former_key": None,
    }


def test_a_second_import_renews_and_forgets_nothing(run: Import) -> None:
    run(f"login,given,surname,birth_year,pesel,csd,status\nEwa@wp.example,Ewa,Nowak,1980,{PESEL},tak,zablokowane\n")
    with run.engine.begin() as connection:
        connection.execute(table.update().values(emergency_hash="hash", emergency_set_at=NOW))
    assert run("login,given,surname,birth_year,pesel\newa@WP.example,Ewa,Kowalska,1980,\n") == ImportReport(1, 0)
    assert run.count() == 1
    row = run.row("ewa@wp.example")
    assert (row["surname"], row["login"]) == ("Kowalska", "ewa@wp.example")
    assert (row["sex"], row["pesel_hash"]) == ("f", pesel.keyed_hash(SECRET, PESEL))
    assert (row["csd"], row["status"]) == (1, "blocked"), "a file without these columns must not change them"
    assert (row["emergency_hash"], row["emergency_set_at"]) == ("hash", NOW)
    run("login,given,surname,birth_year,status\newa@wp.example,Ewa,Kowalska,1980,aktywne\n")
    assert run.row("ewa@wp.example")["status"] == "active"


def test_a_file_from_before_a_change_of_login_opens_no_second_account(run: Import) -> None:
    """The old mailbox may be a thief's, which is why the login was moved: it must not be a login again tomorrow."""
    before = (
        "login,given,surname,birth_year,pesel,status\n"
        f"ewa@wp.example,Ewa,Nowak,1980,{PESEL},{{status}}\njan@wp.example,Jan,Lis,1970,,aktywne\n"
    )
    run(before.format(status="aktywne"))
    with run.engine.begin() as connection:
        assert SqlDirectory().set_emergency_password(connection, "ewa@wp.example", "hash", NOW, "Nowa@wp.example")
    assert run(before.format(status="zablokowane")) == ImportReport(2, 0)
    assert run.count() == 2
    row = run.row("nowa@wp.example")
    assert (row["login"], row["status"], row["emergency_hash"]) == ("Nowa@wp.example", "blocked", "hash")
    run("login,given,surname,birth_year\nnowa@wp.example,Ewa,Nowak,1980\newa@wp.example,Ewa,Lis,1980\n")
    assert (run.count(), run.row("ewa@wp.example")["surname"]) == (3, "Lis"), "another person has the mailbox now"


def test_logins_that_only_folding_makes_alike_are_accounts_of_their_own(run: Import) -> None:
    alike = ("oﬁcer", "oficer", "strauß", "strauss", "ſklep", "sklep")
    lines = "".join(f"{name}@wp.example,Jan,Nowak,{1960 + n}\n" for n, name in enumerate(alike))
    assert run(f"login,given,surname,birth_year\n{lines}") == ImportReport(6, 0)
    for n, name in enumerate(alike):
        with run.engine.connect() as connection:
            found = SqlDirectory().find(connection, f"{name.upper() if name.isascii() else name}@wp.example")
        assert found is not None
        assert (found.login, found.birth_year) == (f"{name}@wp.example", 1960 + n)


@pytest.mark.parametrize(
    ("login", "reason"),
    [("ŁUKASZ@wp.example", "stands already in line 2"), ("\u212aot@wp.example", "is not an e-mail address")],
)
def test_a_login_that_is_another_one_is_told(run: Import, login: str, reason: str) -> None:
    lines = f"łukasz@wp.example,Jan,Nowak,1980\n{login},Jan,Nowak,1981\n"
    assert run(f"login,given,surname,birth_year\n{lines}") == ImportReport(1, 1)
    assert reason in run.told[0].reason


MIXED = (
    "login,given,surname,birth_year\n"
    "a@wp.example,Jan,Kowalski,1980\n"
    "\n"
    "not an address,Jan,Kowalski,1980\n"
    "b@wp.example,Jan,Kowalski,1980\n"
    'c@wp.example,"Jan,Kowalski,1980\n'
    "A@WP.example,Jan,Kowalski,1981\n"
    "d@wp.example,Jan,Kowalski,1980"
)


def test_bad_lines_are_told_by_number_and_left_out(run: Import) -> None:
    assert run(MIXED) == ImportReport(3, 3)
    assert [bad.line for bad in run.told] == [4, 6, 7]
    assert "line 2" in run.told[2].reason
    assert run.row("a@wp.example")["birth_year"] == 1980, "the first of two lines counts"


def test_bad_lines_refuse_the_whole_file_when_asked(run: Import) -> None:
    with pytest.raises(ImportRefused) as refused:
        run(MIXED, refuse=True)
    assert run.count() == 0
    assert [bad.line for bad in run.told] == [4, 6, 7]
    for line in ("bad lines: 3", "accounts.csv: line 4: login:", "line 6:", "line 7:", "mend:"):
        assert line in refused.value.reason


def test_a_good_file_is_not_refused(run: Import) -> None:
    good = "login,given,surname,birth_year\n" + "".join(f"a{n}@wp.example,Jan,Nowak,1980\n" for n in range(2500))
    assert run(good, refuse=True) == ImportReport(2500, 0)
    assert run.count() == 2500
    size = len(good.encode())
    assert [s.bytes_read for s in run.steps] == sorted({s.bytes_read for s in run.steps})
    assert run.steps[-1] == ImportProgress(2500, 0, 2 * size, 2 * size)
    assert [s.rows for s in run.steps] == [1000, 2000, 2500] * 2


def test_an_import_into_a_broken_database_can_be_repeated(run: Import) -> None:
    metadata.drop_all(run.engine)
    with pytest.raises(DatabaseUnavailable, match="after 0 accounts"):
        run("login,given,surname,birth_year\na@wp.example,Jan,Nowak,1980\n")
