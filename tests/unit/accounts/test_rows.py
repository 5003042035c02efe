"""Lines of the CSV file of accounts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.accounts.rows import BadRow, CsvFormat, read_format, read_row
from mailbot.secret import Secret

SECRET = Secret(b"k" * 32)
ALL = read_format(b"login,given,surname,birth_year,sex,pesel,scope,csd,status\n")
SHORT = read_format(b"login,given,surname,birth_year\n")
PESEL = "80010112340"  # a woman, 1980


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (b"login,given,surname,birth_year\r\n", 4),
        (b"\xef\xbb\xbflogin;given;surname;birth_year;csd", 5),
        (b'"Login"; GIVEN ;"surname";birth_year', 4),
        (b"birth_year,pesel,surname,given,login", 5),
    ],
)
def test_headers(header: bytes, columns: int) -> None:
    assert len(read_format(header).columns) == columns


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"", "column login, given, surname, birth_year is missing"),
        (b"44051401359,Jan,Kowalski,1980", "column number 1 is unknown"),
        (b"login,given,surname", "column birth_year is missing"),
        (b"login,given,surname,birth_yaer", "did you mean birth_year"),
        (b"login,given,surname,birth_year,zzz", "column zzz is unknown; mend: remove it"),
        (b"login,given,surname,birth_year,login", "stands twice"),
        (b"login,given,surname,birth_year,", "unknown"),
        (b"login\tgiven\tsurname\tbirth_year", "unknown"),
        ("login,given,surname,birth_year".encode("utf-16"), "UTF-16"),
        (b"login,given\xb1", "not UTF-8"),
        (b'login,"given', "not CSV"),
    ],
)
def test_bad_headers_name_the_column_and_the_mend(header: bytes, why: str) -> None:
    with pytest.raises(BadRow, match=why) as raised:
        read_format(header)
    assert "mend:" in str(raised.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not an address,Jan,Nowak,1980", "login: is not an e-mail"),
        (",Jan,Nowak,1980", "login: is not an e-mail"),
        ('"a b"@wp.example,Jan,Nowak,1980', "not CSV"),
        ("a@wp.example,,Nowak,1980", "given: is empty"),
        ("a@wp.example,Jan, - ,1980", "surname: is empty"),
        ("a@wp.example,Jan," + "N" * 121 + ",1980", "surname: is longer"),
        ("a@wp.example,Jan,No\x1bwak,1980", "surname: has control"),
        ("a@wp.example,Jan,Nowak,80", "birth_year: is not a year"),
        ("a@wp.example,Jan,Nowak,1899", "birth_year: is not a year"),
        ("a@wp.example,Jan,Nowak,2027", "birth_year: is not a year"),
        ("a@wp.example,Jan,Nowak,１９８０", "birth_year: is not a year"),
        ("a@wp.example,Jan,Nowak", "has 3 fields, the header has 4"),
        ("a@wp.example,Jan,Nowak,1980,x", "has 5 fields"),
        ("a@wp.example;Jan;Nowak;1980", "has 1 fields"),
        ("a@wp.example,Jan,No\0wak,1980", "NUL"),
        ('a@wp.example,Jan,"Nowak,1980', "not CSV"),
        ('a@wp.example,Jan,"No"wak,1980', "not CSV"),
    ],
)
def test_bad_lines_tell_why_and_how_to_mend(line: str, why: str) -> None:
    with pytest.raises(BadRow, match=why) as raised:
        read_row(line.encode(), SHORT, SECRET, 2026)
    assert "mend:" in str(raised.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"a@wp.example,Ewa,Nowak,1981,f,{PESEL},podstawowy,nie,aktywne", "birth_year: contradicts"),
        (f"a@wp.example,Ewa,Nowak,1980,m,{PESEL},podstawowy,nie,aktywne", "sex: contradicts"),
        ("a@wp.example,Ewa,Nowak,1980,f,80010112341,podstawowy,nie,aktywne", "pesel: has a wrong check digit"),
        ("a@wp.example,Ewa,Nowak,1980,x,,podstawowy,nie,aktywne", "sex: is not an allowed word"),
        ("a@wp.example,Ewa,Nowak,1980,f,,wielki,nie,aktywne", "scope: is not"),
        ("a@wp.example,Ewa,Nowak,1980,f,,podstawowy,moze,aktywne", "csd: is not"),
        ("a@wp.example,Ewa,Nowak,1980,f,,podstawowy,nie,", "status: is not"),
    ],
)
def test_contradictions_are_told_without_personal_data(line: str, why: str) -> None:
    with pytest.raises(BadRow, match=why) as raised:
        read_row(line.encode(), ALL, SECRET, 2026)
    for datum in ("8001011234", "a@wp.example", "Nowak", "1981"):
        assert datum not in str(raised.value)


def test_undecodable_bytes_are_placed() -> None:
    with pytest.raises(BadRow, match="byte 20"):
        read_row(
            "a@wp.example,Jan,No\xb1,1980".encode("iso-8859-2", "replace").replace(b"?", b"\xb1"), SHORT, SECRET, 2026
        )


def test_empty_cells_take_defaults() -> None:
    row = read_row(b"a@wp.example,Ewa,Nowak,1980,,,,,active\n", ALL, SECRET, 2026)
    assert (row["sex"], row["pesel_hash"], row["scope"], row["csd"], row["status"]) == (
        None,
        None,
        "podstawowy",
        0,
        "active",
    )


def test_the_pesel_tells_the_sex_and_is_not_kept() -> None:
    row = read_row(f"a@wp.example,Ewa,Nowak,1980,,{PESEL},,TAK,Aktywne".encode(), ALL, SECRET, 2026)
    assert row["sex"] == "f"
    assert row["csd"] == 1
    assert PESEL not in str(row)


def test_names_are_composed_and_single_spaced() -> None:
    row = read_row("a@wp.example,  Jan   Paweł ,O\u0301semka,1980".encode(), SHORT, SECRET, 2026)
    assert (row["given"], row["surname"]) == ("Jan Paweł", "Ósemka")


@given(st.binary(max_size=200))
def test_any_line_is_a_row_or_bad(line: bytes) -> None:
    with suppress(BadRow):
        row = read_row(line, CsvFormat(";", SHORT.columns), SECRET, 2026)
        assert row["login_key"]
        assert row["given"]


@given(st.binary(max_size=200))
def test_any_header_is_a_format_or_bad(line: bytes) -> None:
    with suppress(BadRow):
        assert read_format(line).columns
