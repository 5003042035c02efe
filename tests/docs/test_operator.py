"""docs/operator.md says what the code does."""

from __future__ import annotations

import re

from mailbot.console.words import WORDS
from mailbot.desk.words import ACTIONS, MEANINGS, REFUSALS
from tests.docs.operator import PAGE, put
from tests.docs.walk import PICTURES, labels, walks

LARGEST = 120_000  # octets of a picture


def test_the_table_of_actions_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert put(page) == page


def test_everything_is_said_in_both_languages() -> None:
    for table in (ACTIONS, MEANINGS, REFUSALS):
        for said in table.values():
            assert said.pl
            assert said.en
            assert "|" not in said.pl + said.en


def test_what_the_steps_name_stands_on_the_screen() -> None:
    """Whole, or as far as the page names it."""
    said = [polish for polish, _ in WORDS.values()] + [words.pl for words in ACTIONS.values()]
    strange = {label for label in labels() if "@" not in label and not any(label in words for words in said)}
    assert strange == set()


def test_the_steps_bring_each_matter_to_its_end() -> None:
    clicks = ([step.at for step in steps if step.verb == "kliknij"] for steps in walks().values())
    assert {clicked[-1] for clicked in clicks if clicked} >= {
        ACTIONS[action].pl for action in ("accept-a", "answer-complaint", "stop", "close", "accept-b", "confirm-b")
    }


def test_every_picture_is_there_and_shown() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(file.name for file in PICTURES.iterdir())
    for file in PICTURES.iterdir():
        assert file.read_bytes().startswith(b"\x89PNG\r\n"), file.name
        assert file.stat().st_size <= LARGEST, file.name
