"""docs/operator.md says what the code does."""

from __future__ import annotations

import re
import shlex
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from mailbot.cli import cli
from mailbot.cli.ticket_verbs import TYPED
from mailbot.console.words import WORDS
from mailbot.desk.refusals import REFUSALS
from mailbot.desk.words import ACTIONS, MEANINGS
from tests.docs.operator import PAGE, put
from tests.docs.walk import PICTURES, labels, walks

LARGEST = 120_000  # octets of a picture

_COMMAND = re.compile(r"(?:^|`)mailbot (tickets [a-z][^#`\n]+)", re.MULTILINE)
COMMANDS = sorted(set(_COMMAND.findall(PAGE.read_text(encoding="utf-8"))))
SAID = {"…": "x", "DIR": ".", "LETTER": "2", "MAIL": "4", "LOGIN": "jan@wp.example"}
"""What the page leaves to the reader."""


def test_the_table_of_actions_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert put(page) == page


def test_everything_is_said_in_both_languages() -> None:
    for table in (ACTIONS, MEANINGS, REFUSALS):
        for said in table.values():
            assert said.pl
            assert said.en
            assert "|" not in said.pl + said.en


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood_as_it_stands(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILBOT_OPERATOR", "anna")
    for name in ("odpowiedz.txt", "instrukcja.pdf"):
        (tmp_path / name).touch()
    words, found = [SAID.get(word, word) for word in shlex.split(command)], click.Context(cli)
    with ExitStack() as opened:
        while isinstance(found.command, click.Group):
            chosen = found.command.get_command(found, words[0])
            assert chosen is not None, words[0]
            found = opened.enter_context(chosen.make_context(words[0], words[1:], parent=found))
            words = [*found._protected_args, *found.args]
        assert words == []


def test_every_action_has_its_command_on_the_page() -> None:
    told = {typed for typed in TYPED.values() for command in COMMANDS if command.startswith(f"tickets {typed} ")}
    assert told == set(TYPED.values())


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
