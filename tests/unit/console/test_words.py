"""Every word of the console is there in both languages, and none is there for nothing."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path
from string import Formatter

import pytest

from mailbot.console import words
from mailbot.console.pages import ConsolePages
from tests.support import ROOT

TEMPLATES = sorted((ROOT / "mailbot" / "console" / "templates").glob("*.html"))
CODE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mailbot" / "console").glob("*.py"))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES)


def test_no_key_stands_in_two_tables() -> None:
    assert len(words.WORDS) == sum(len(table) for table in words.TABLES)


@pytest.mark.parametrize("key", words.WORDS)
def test_both_languages_fill_in_the_same(key: str) -> None:
    polish, english = (
        sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None) for text in words.WORDS[key]
    )
    assert polish == english
    assert all(text.strip() for text in words.WORDS[key])


def test_every_word_of_a_template_is_known() -> None:
    said = set(re.findall(r"""\bw\("([a-z0-9.-]+)"[,)]""", TEXT))
    assert said - words.WORDS.keys() == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_template_can_be_read(path: Path) -> None:
    assert ConsolePages()._environment.get_template(path.name)


def test_a_code_without_words_is_shown_as_it_is() -> None:
    assert words.code("pl", "state", "X") == "X"


def test_templates_hold_no_text_of_their_own_and_no_script_or_style() -> None:
    """What a reader sees comes from the tables; a strict Content-Security-Policy would refuse the others."""
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        bare = re.sub(r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<kbd>.*?</kbd>", "", text)
        bare = re.sub(r"(?s)<[^>]*>", "", bare)
        assert not re.search(r"[A-Za-zĄąĆćĘęŁłŃńÓóŚśŹźŻż]{3,}", bare), (path.name, bare)
        assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|<style|javascript:", text), path.name
        assert "| safe" not in text.replace("|safe", "| safe") or path.name in SAFE, path.name


SAFE = frozenset({"letter.html"})
"""Templates that put HTML in as it is: only what nh3 has cleaned."""


VENDORED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "pico.min.css": "fbc9a63fc9fc9f72d12fd7fc9806e11fa9f77ae4f9cad146b27003a1119ba3db",
}


def test_foreign_files_are_the_published_ones() -> None:
    folder = resources.files("mailbot.console") / "static" / "vendor"
    for name, digest in VENDORED.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert digest in (folder / "README.md").read_text(encoding="utf-8")
    licences = {"htmx.LICENSE": "Zero-Clause BSD", "pico.LICENSE": "MIT License"}
    for name, title in licences.items():
        assert (folder / name).read_text(encoding="utf-8").startswith(title)
    assert {path.name for path in folder.iterdir()} == {*VENDORED, *licences, "README.md"}
