"""What is expected, beside what came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailbot.model import Envelope, Source
from mailbot.trial.cases import Case, Mismatch, compare, surroundings


def case(expect: dict[str, Any], says: tuple[str, ...] = (), forbidden: tuple[str, ...] = ()) -> Case:
    return Case(Path("a.eml"), "", Envelope(Source.LMTP), None, None, None, expect, says, forbidden)


CAME = {
    "mails": ["T1", "T2"],
    "question": None,
    "facts": {"account": "active", "csd": "yes"},
    "watched": [{"rule": "new", "outcome": "MORE"}],
    "desk": "",
}


@pytest.mark.parametrize(
    "expect",
    [
        {"mails": ["T1", "T2"]},
        {"question": "null"},
        {"question": ""},
        {"desk": ""},
        {"facts": {}},
        {"facts": {"csd": "yes"}},
        {"watched": [{"rule": "new"}]},
    ],
)
def test_as_expected(expect: dict[str, Any]) -> None:
    assert list(compare(case(expect), CAME, "")) == []


@pytest.mark.parametrize(
    ("expect", "came"),
    [
        ({"mails": ["T1"]}, ["T1", "T2"]),
        ({"mails": ["T2", "T1"]}, ["T1", "T2"]),
        ({"mails": "T1"}, ["T1", "T2"]),
        ({"question": "uzytkownicy"}, None),
        ({"desk": "I_LINIA"}, ""),
        ({"facts": {"csd": "no"}}, {"csd": "yes"}),
        ({"facts": "csd"}, CAME["facts"]),
        ({"watched": []}, CAME["watched"]),
    ],
)
def test_not_as_expected(expect: dict[str, Any], came: Any) -> None:
    ((key, wanted),) = expect.items()
    assert list(compare(case(expect), CAME, "")) == [Mismatch(key, wanted, came)]


def test_line_ends_of_a_mail_do_not_count() -> None:
    mails = "Dzień dobry,\n  bo temat\n  jest inny."
    assert list(compare(case({}, ("bo temat jest inny",)), CAME, mails)) == []
    (wrong,) = compare(case({}, (), ("temat jest",)), CAME, mails)
    assert wrong.key == "not"


def test_the_nearest_surroundings_count(tmp_path: Path) -> None:
    top, below = tmp_path / "cases", tmp_path / "cases" / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "dns.yaml").touch()
    (top / "accounts.yaml").touch()
    (below.parent / "accounts.yaml").touch()
    found = surroundings(below / "m.eml", top)
    assert found.accounts == (below.parent / "accounts.yaml").resolve()
    assert found.dns == (tmp_path / "dns.yaml").resolve()
    assert found.trust is None
    assert surroundings(below / "m.eml", top / "a").dns is None
