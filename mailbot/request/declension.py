"""Genitive forms of Polish personal names, by rule. Own work, checked against the SGJP dictionary during development.

Each function takes one word in lower case with Polish letters, other diacritics removed (``plain``), and returns every
form the rules can give. A form nobody uses does no harm: the set is only ever asked whether a written word is in it.
"""

from __future__ import annotations

import re
import unicodedata

_POLISH = frozenset("ąćęłńóśźż")
_OTHER = {"đ": "d", "ø": "o", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe"}
_SOFTEN = (("dź", "dzi"), ("ć", "ci"), ("ń", "ni"), ("ś", "si"), ("ź", "zi"))
_HARDEN = (("dz", "d"), ("dz", "dź"), ("rz", "r"), ("c", "t"), ("s", "ś"), ("n", "ń"), ("z", "ź"))
_FLEETING = re.compile(r"^(.*?)(i?)e([bcćdfgkłlmnńprstvwzźż]|rz|sz|ch|ść|ts)$")
_BEFORE_J = re.compile(r"[aeiouyąęón][jy]$")
_FLEETING_IN_GIVEN = ("ek", "eł", "el", "er", "ec", "ew", "ev")
"""Marek, Paweł, Aleksander; all others keep their e."""
_RAISED = re.compile(r"^(.*)([óą])([^aeiouyąęó]+)$")
_FEMININE_ADJECTIVE = re.compile(r"(?:[^aeiouyąęó]sk|ck|dzk)a$")


def plain(word: str) -> str:
    """``word`` in lower case; letters that Polish does not have lose their diacritics, apostrophes go."""
    kept: list[str] = []
    for char in unicodedata.normalize("NFC", word.replace("'", "").replace("’", "").lower()):
        if char in _POLISH:
            kept.append(char)
        else:
            bare = "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))
            kept.append(_OTHER.get(bare, bare))
    return "".join(kept)


def given(word: str, sex: str) -> set[str]:
    """Genitive forms of a given name; ``sex`` "m" or "f"."""
    if word.endswith("a"):
        return _given_in_a(word)
    if sex == "f":
        return {word}
    stem = word[:-1]
    match word[-1:]:
        case "i":
            return {word + "ego", stem + "ego", word + "a", stem + "ja", word + "ho"}  # Marcelego, Andrija, Jiřího
        case "y":
            found = {stem + "ego", word + "ego", word + "a", stem + "ija"}  # Jerzego, Harry'ego, Stanleya
            return found | {stem + "ja"} if stem.endswith("i") else found  # Andrija
        case "o" | "ó":
            return {stem + "a", word + "na", stem + "ona", word}  # Marca, Ottona
        case "e":
            return {word + "a", word + "go", stem + "iego", word}  # Luke'a, Dantego, Charliego
        case "u" | "ą" | "ę":
            return {word}
    fleeting = set() if word.endswith(_FLEETING_IN_GIVEN) else _fleeting_e(word)
    return _masculine_consonant(word) - fleeting - {word + "ia"}  # Olga is not Oleg, nor Artemia Artem


def _given_in_a(word: str) -> set[str]:
    """Zofii, Wiktorii; Kasi, Zuzi: Mari or Georgi are other names."""
    soft = not word.endswith("ia") or word[-3:-2] in ("n", "s", "z", "c", "i")
    return _noun_in_a(word) if soft else {word[:-1] + "i"}


def surname(word: str, sex: str) -> set[str]:
    """Genitive forms of one part of a surname; ``sex`` "m" or "f" of its bearer."""
    return _surname_of_man(word) if sex == "m" else _surname_of_woman(word)


def noun_surname(word: str) -> set[str]:
    """Genitive of a surname that may only look like an adjective (Micka): too uncertain to grant anything on."""
    return _noun_in_a(word) if word.endswith("a") else {word}


def _surname_of_man(word: str) -> set[str]:
    stem = word[:-1]
    match word[-1:]:
        case "i":
            return {word + "ego", stem + "ego", stem + "ja"}  # Verdiego, Tolstoja
        case "y":
            return {stem + "ego", word + "ego", word + "a"}
        case "a":
            return _noun_in_a(word)
        case "o" | "ó":
            return {word, stem + _after_o(stem), stem + "a"}
        case "e":
            return {word, word + "go", word + "a", stem + "ego"}
        case "u" | "ą" | "ę":
            return {word, word + "a"}
    return _masculine_consonant(word)


def _surname_of_woman(word: str) -> set[str]:
    stem = word[:-1]
    if word.endswith("o"):
        return {word, stem + _after_o(stem)}
    if not word.endswith("a"):
        return {word}
    if _FEMININE_ADJECTIVE.search(word):
        return {stem + "iej"}
    return _noun_in_a(word) | {stem + ("iej" if stem[-1:] in "kg" else "ej")}


def _after_o(stem: str) -> str:
    if stem.endswith("i"):
        return ""  # Puzio, Puzi
    return "i" if stem[-1:] in ("k", "g", "l") else "y"


def _noun_in_a(word: str) -> set[str]:
    stem = word[:-1]
    match stem[-1:]:
        case "i":
            return {stem + "i", stem}  # Marii, Kani
        case "j":
            return {stem + "i"} | ({stem[:-1] + "i"} if _BEFORE_J.search(stem) else set())  # Alicji, Mai, Soni
        case "y":
            return {
                stem + "i",
                stem[:-1] + ("i" if _BEFORE_J.search(stem) else "ii"),
            }  # Yuliya, Natalya: Yulii, Natalii
        case "k" | "g" | "e" | "u" | "a" | "o" | "ó":
            return {stem + "i"}
        case "l":
            return {stem + "i", stem + "y"}  # Urszuli, Mykoly
        case "c":
            return {stem + "y", stem[:-1] + "ki"}  # Kamienicy; Luki, Jessiki
    return {stem + "y"}


def _masculine_consonant(word: str) -> set[str]:
    found = {word + "a"}
    for hard, soft in _SOFTEN:
        if word.endswith(hard):
            found = {word[: -len(hard)] + soft + "a"}
            break
    found |= _fleeting_e(word) | _raised_vowel(word)
    if word.endswith(("b", "p", "w", "m")):
        found.add(word + "ia")  # Karpia, Pawia
    if word.endswith("x"):
        found.add(word[:-1] + "ksa")
    if word.endswith("oj"):
        found |= {word[:-2] + "iego", word[:-2] + "ego"}
    if word.endswith("ien"):
        found |= _fleeting_e(word[:-1] + "ń")  # Stepien, registered without diacritics
    return found


def _fleeting_e(word: str) -> set[str]:
    found: set[str] = set()
    if parts := _FLEETING.match(word):
        stem, soft, last = parts.groups()
        end = {"ń": "ni", "ć": "ci", "ź": "zi", "ść": "ści"}.get(last, last) + "a"
        found.add(stem + end)
        if soft or last in "ńc":
            for a, b in _HARDEN:
                if stem.endswith(a):
                    found.add(stem[: -len(a)] + b + end)  # Kwiecień: Kwietnia
        if stem.endswith("rz"):
            found.add(stem[:-2] + "r" + end)  # Orzeł: Orła
        if last in ("p", "b", "w"):
            found.add(stem + last + "ia")  # Czerep, Gołąb
    if parts := re.match(r"^(.*?)i[oó]ł$", word):  # Kozioł: Kozła; Kocioł: Kotła
        stem = parts[1]
        found |= {stem + "ła", stem[:-1] + "tła"} if stem.endswith("c") else {stem + "ła"}
    return found


def _raised_vowel(word: str) -> set[str]:
    parts = _RAISED.match(word)
    if not parts:
        return set()
    stem = parts[1] + {"ó": "o", "ą": "ę"}[parts[2]] + parts[3]
    found = {stem + "a"}
    for hard, soft in _SOFTEN:
        if stem.endswith(hard):
            found.add(stem[: -len(hard)] + soft + "a")
    if stem[-1] in "bpw":
        found.add(stem + "ia")  # Gołąb: Gołębia
    return found
