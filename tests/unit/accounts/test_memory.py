"""The YAML file of accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.accounts import memory
from mailbot.errors import ConfigError
from mailbot.model import Account, AccountStatus

GOOD = "a1: {login: Jan@wp.example, sex: m, given: Jan, surname: Nowak, year: 1980, scope: rozszerzony, csd: true}\n"


def load(tmp_path: Path, text: str | bytes) -> memory.MemoryDirectory:
    path = tmp_path / "accounts.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return memory.load(path, 2026)


def test_an_account_is_read_whole(tmp_path: Path) -> None:
    content = (
        GOOD + "b:\n  login: ewa@łd.example\n  given: Ewa\n  surname: Kot\n  year: '1975'\n  status: zablokowane\n"
    )
    assert list(load(tmp_path, content)) == [
        Account("Jan@wp.example", "Jan", "Nowak", 1980, "m", scope="rozszerzony", csd=True),
        Account("ewa@xn--d-dla.example", "Ewa", "Kot", 1975, status=AccountStatus.BLOCKED),
    ]


def test_logins_that_only_folding_makes_alike_are_two(tmp_path: Path) -> None:
    other = GOOD.replace("a1", "a2").replace("Jan@", "Strauß@")
    directory = load(tmp_path, other + other.replace("a2", "a3").replace("Strauß", "Strauss"))
    assert len(list(directory)) == 2


def test_the_citizens_of_the_corpus_are_read(corpora: Path) -> None:
    directory = memory.load(corpora / "citizens" / "accounts.yaml", 2026)
    found = directory.find(None, "zofia.duda@wp.example")
    assert found is not None
    assert found.status is AccountStatus.BLOCKED


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (GOOD.replace("login: Jan@wp.example, ", ""), ":1:5: a1.login: is missing"),
        (GOOD.replace("login", "logn"), 'a1.logn: "logn" is no known key; mend: did you mean "login"'),
        (GOOD.replace("@", " "), "a1.login: is not an e-mail address"),
        (GOOD.replace("1980", "80"), "a1.year: is not a year"),
        (GOOD.replace("1980", "[1980]"), "a1.year: must be a text"),
        (GOOD.replace("Nowak", "''"), "a1.surname: is empty"),
        (GOOD.replace("sex: m", "sex: x"), "a1.sex:"),
        (GOOD.replace("csd: true", "csd: maybe"), "a1.csd:"),
        (GOOD.replace("csd: true", "status: away"), "a1.status:"),
        (GOOD + GOOD, ":2:1: a1: stands twice"),
        (GOOD + GOOD.replace("a1", "a2").replace("Jan@", "JAN@"), "a2.login: stands twice"),
        ("- 1\n", "must be a mapping"),
        ("a1: 5\n", "a1: must be a mapping"),
        ("", "is empty"),
        ("a: [", "is not YAML"),
        (b"a: \xb1", "not UTF-8"),
    ],
)
def test_mistakes_name_file_line_key_and_mend(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, content)
    assert why in raised.value.reason
    for line in raised.value.reason.splitlines():
        assert line.startswith(f"{tmp_path}/accounts.yaml:")
        assert "mend:" in line


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, "a: {login: x}\nb: {login: y@wp.example, year: 3}\n")
    assert len(raised.value.reason.splitlines()) == 7


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        memory.load(tmp_path / "none.yaml", 2026)


def test_a_directory_needs_addresses() -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        memory.MemoryDirectory([Account("jan", "Jan", "Nowak", 1980)])
