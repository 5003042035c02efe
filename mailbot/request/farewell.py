"""The name under a mail: what stands behind the farewell is no part of what is asked."""

from __future__ import annotations

import re

from mailbot.request.characters import flat, word_set

_FAREWELL = re.compile(
    r"\b(?:pozdrawia\w{1,2}(?: serdecznie)?|pozdrowienia|pozdr|z powazaniem|(?:z wyrazami|wyrazy) szacunku|"
    r"regards|sincerely)\b"
)
_SIGNED = re.compile(rf"^\W{{0,9}}(?:(?:best|kind|kindest|warm|many) ){{0,2}}{_FAREWELL.pattern}", re.MULTILINE)
_WORD = re.compile(r"[^\W_][^\s,;|]*")
_PARTICLES = word_set("tel kom fax email ul sp z o oo s a i mgr inz dr hab")
_MOST_WORDS = 15
_NAME_WORDS = (2, 3)


def without_name(text: str) -> str:
    """``text`` without the name, address and telephone of its writer, as far as that is certain.

    They are certain behind the last farewell, and on a last line of two or three words that are written as a name.
    """
    ends = [found.end() for found in _FAREWELL.finditer(flat(text))]
    if ends and _are_contacts(_WORD.findall(text[ends[-1] :])):
        return text[: ends[-1]]
    rest, _, last = text.rstrip().rpartition("\n")
    name = last.split()
    if rest.strip() and len(name) in _NAME_WORDS and all(map(_is_name, name)):
        return rest
    return text


def up_to_the_name(text: str) -> str:
    """``text`` to the end of its last farewell that begins a line: what stands below is a firm's, not the letter."""
    ends = [found.end() for found in _SIGNED.finditer(flat(text))]
    return text[: ends[-1]] if ends else text


def _are_contacts(words: list[str]) -> bool:
    return len(words) <= _MOST_WORDS and all(map(_is_contact, words))


def _is_contact(word: str) -> bool:
    return _is_name(word) or any(c.isdigit() or c == "@" for c in word) or flat(word).replace(".", "") in _PARTICLES


def _is_name(word: str) -> bool:
    """Written as a name, "Nowak-Kowalska": no shouting, no end of a sentence."""
    return all(part[:1].isupper() and part[1:].islower() and part.isalpha() for part in word.split("-"))
