"""Every word of the console in Polish and English: one table, in a module for each screen."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.console.words import audit, case, codes, facts, login, oversight, rules, ruleset, shell, telephone, todo

LANGUAGES = ("pl", "en")

Table = Mapping[str, tuple[str, str]]
"""Key → Polish, English. ``{name}`` is filled in."""

TABLES: tuple[Table, ...] = (
    *(shell.WORDS, login.WORDS, todo.WORDS, case.WORDS, codes.WORDS, facts.WORDS),
    *(telephone.WORDS, oversight.WORDS, ruleset.WORDS, audit.WORDS),
)
WORDS: Table = {key: words for table in TABLES for key, words in table.items()}


def say(language: str, key: str, **values: object) -> str:
    """The words for ``key``; a key that is not there is a programming error (KeyError)."""
    words = WORDS[key][LANGUAGES.index(language)]
    return words.format(**values) if values else words


def code(language: str, group: str, value: str) -> str:
    """The words for a code of the program: ``group.value``. One that has none is shown as it is."""
    found = WORDS.get(f"{group}.{value}")
    return value if found is None else found[LANGUAGES.index(language)]


def rule(language: str, name: str, title: str) -> str:
    """What a rule is about: in Polish those that are shipped, else ``title`` as its admin wrote it."""
    if language == "pl" and name in rules.POLISH:
        return rules.POLISH[name]
    return title or name
