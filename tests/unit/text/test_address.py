"""No two mailboxes share a key, whatever letters their addresses are written in."""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.text import address
from mailbot.text.address import login_key, normalise
from tests.support import examples


def _spellings(letter: str) -> set[str]:
    return {letter.casefold(), letter.lower(), letter.upper(), letter.title(), unicodedata.normalize("NFC", letter)}


@pytest.fixture(scope="module")
def letters() -> list[str]:
    """Every letter that any way of making spellings equal changes, and what it becomes."""
    moving = [c for c in map(chr, range(sys.maxunicode + 1)) if _spellings(c) != {c}]
    return sorted({one for letter in moving for one in (letter, *_spellings(letter)) if len(one) == 1})


def local_part(letter: str) -> str:
    return f"a{letter}b@wp.example"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("oﬁcer", "oficer"),
        ("ſklep", "sklep"),
        ("strauß", "strauss"),
        ("strauẞ", "strauß"),
        ("\u212aowalski", "kowalski"),  # Kelvin sign
        ("\u212aowalski", "Kowalski"),
        ("Λόγος", "Λόγοσ"),
        ("kıt", "kit"),
        ("kİt", "kit"),
        ("kİt", "ki\u0307t"),
        ("\u212bsa", "åsa"),  # Ångström sign
        ("µ", "μ"),
        ("ŉ", "ʼn"),
        ("ǆ", "ǅ"),
        ("z\u0307ak", "żak"),  # not in NFC
        ("żak", "zak"),
    ],
)
def test_two_logins_have_two_keys(one: str, other: str) -> None:
    keys = [login_key(f"{name}@wp.example") for name in (one, other)]
    assert keys[0] is None or keys[0] != keys[1]


def test_over_all_of_unicode_only_a_letter_and_its_capital_share_a_key(letters: list[str]) -> None:
    keys = defaultdict(set)
    for letter in letters:
        if (key := login_key(local_part(letter))) is not None:
            keys[key].add(letter)
    for key, alike in keys.items():
        small = key[1 : -len("b@wp.example")]
        assert alike <= {small, small.upper()}, (key, alike)
    merged = sum(len(alike) == 2 for alike in keys.values())
    assert merged > 1000, "any case is one login: Ł and ł"


def test_no_local_part_is_rewritten_to_another_one(letters: list[str]) -> None:
    """A mail would go to somebody else's mailbox."""
    for letter in letters:
        found = normalise(local_part(letter))
        assert found is None or found == local_part(letter), f"U+{ord(letter):04X}"


@pytest.mark.parametrize("spelling", ["Jan.Łoś@WP.example", "JAN.ŁOŚ@wp.example", "jan.łoś@wp.EXAMPLE"])
def test_any_case_is_one_login(spelling: str) -> None:
    assert login_key(spelling) == "jan.łoś@wp.example"


def test_the_key_of_a_key_is_the_key(letters: list[str]) -> None:
    for letter in letters:
        key = login_key(local_part(letter))
        assert key is None or login_key(key) == key, f"U+{ord(letter):04X}"


_PIECES = st.one_of(
    st.sampled_from(("jan", "Jan", ".", "..", "-", "--", "@", "xn--", "poczta", "PL", "info", "Postmaster", "a" * 63)),
    st.sampled_from(("a" * 64, "_", "+", "1", "[", '"', "<", " ", "\n", "\x00", "ł", "ß", "．", "＠", "e\u0301")),
    st.sampled_from(SPECIAL_USE_DOMAIN_NAMES),
    st.characters(),
)
_SIDES = st.lists(_PIECES, max_size=5).map("".join)


@settings(max_examples=examples(1_500), deadline=None)
@given(st.one_of(st.tuples(_SIDES, _SIDES).map("@".join), st.tuples(_SIDES, _SIDES).map("@x.".join), _SIDES))
def test_the_quick_look_at_an_address_is_the_slow_one(text: str) -> None:
    assert normalise(text) == address._validated(text)


@pytest.mark.parametrize("domain", [*SPECIAL_USE_DOMAIN_NAMES, "poczta.pl", "WP.Example", "x", "1.2.3.4", "a-b.pl"])
@pytest.mark.parametrize("local", ["jan", "jan.k", "JAN", "info", "a" * 200, "a" * 240, "{jan}", "jan.", "-"])
def test_domains_that_no_mail_reaches(local: str, domain: str) -> None:
    for name in (domain, f"poczta.{domain}", f"{domain}.", f"a--b.{domain}", f"-a.{domain}"):
        assert normalise(f"{local}@{name}") == address._validated(f"{local}@{name}")


def test_what_is_no_address_for_its_length_is_not_kept() -> None:
    before = address._validated.cache_info().currsize
    for size in (255, 10_000):
        assert normalise("ł" * size + "@poczta.example") is None
        assert address._validated.__wrapped__("ł" * size + "@poczta.example") is None
    assert address._validated.cache_info().currsize == before
