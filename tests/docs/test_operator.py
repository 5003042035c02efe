"""docs/operator.md says what the code does."""

from __future__ import annotations

from mailbot.desk.words import ACTIONS, MEANINGS, REFUSALS
from tests.docs.operator import PAGE, put


def test_the_table_of_actions_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert put(page) == page


def test_everything_is_said_in_both_languages() -> None:
    for table in (ACTIONS, MEANINGS, REFUSALS):
        for said in table.values():
            assert said.pl
            assert said.en
            assert "|" not in said.pl + said.en
