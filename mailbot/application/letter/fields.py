"""The four data of an application (procedure P8) out of its text and form fields. Doubt is None, never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailbot.application.data import Application
from mailbot.application.document import Document
from mailbot.application.letter import addresses, names
from mailbot.application.letter.cues import Role
from mailbot.application.letter.labels import name_label
from mailbot.application.letter.mentions import is_address
from mailbot.application.letter.persons import persons
from mailbot.application.letter.resembling import of_another, resembles
from mailbot.request.characters import visible
from mailbot.text.address import login_key

LONGEST = 60_000
"""Characters of text that are read: an application is a page; what says more is for a person."""


def fields(document: Document) -> Application:
    """The data of ``document``. Two different values for one datum, in its text or its form, make that datum None.

    ``readable`` is False when there is no text at all, or when a datum is missing and a page is only a picture.
    """
    text = visible(document.text).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    pairs = [(label, visible(value).strip()) for label, value in document.pairs]
    if len(text) > LONGEST or not any(c.isalpha() for c in text + "".join(value for _, value in pairs)):
        return Application(None, None, None, None, readable=False, doubts=("no text, or too much",))
    old, new = addresses.pick(_with_headers(text))
    people = persons(_with_headers(text))
    for label, value in pairs:
        _form_field(label, value, old, new, people)
    given, surname = names.choose(people)
    found = Application(given, surname, _single(old), _single(new))
    if found.missing and document.pictures:
        return replace(found, readable=False)
    doubts = [*document.doubts, *_doubts(found, old, new, people)]
    doubts += _addresses(text, found, old, new)
    return replace(found, doubts=tuple(doubts), named=any(person.rank < names.LONELY for person in people))


def _doubts(found: Application, old: set[str], new: set[str], people: list[names.Person]) -> Iterator[str]:
    """Data that are there and cannot be told for certain: their writer left nothing out."""
    if old and found.old_login is None:
        yield "the old login stands there twice, or cannot be read"
    if new and found.new_email is None:
        yield "the new address stands there twice, or cannot be read"
    if people and found.given is None and found.surname is None:
        yield "names that do not agree"


def _addresses(text: str, found: Application, old: set[str], new: set[str]) -> Iterator[str]:
    """Addresses of which it is not certain what they are."""
    if old & new:
        yield "the old login and the new one are the same address"
    if addresses.taken_back(text):
        yield "an address that is taken back"
    if found.old_login and found.new_email and resembles(found.old_login, found.new_email):
        yield "the new login reads as the old one, and is another address"
    if _is_of_another(found):
        yield "the new login bears the name of somebody else"
    missing = found.old_login is None or found.new_email is None
    if addresses.stray(text, old | new) if missing else addresses.third(text, old | new):
        yield "an address of which nothing says what it is"


def _is_of_another(found: Application) -> bool:
    """Whether the new login is called after somebody else, and the old one, which says whose account it is, is not."""
    if not (found.given and found.surname and found.new_email and found.old_login):
        return False
    old, new = (of_another(one, found.given, found.surname) for one in (found.old_login, found.new_email))
    return new and not old


def _form_field(label: str, value: str, old: set[str], new: set[str], people: list[names.Person]) -> None:
    """Add the value of one form field to what its label calls it."""
    if not value:
        return
    if kind := name_label(label):
        if person := names.from_field(kind, value):
            people.append(person)
        return
    role = addresses.label_role(label)
    if role is not None:
        (old if role is Role.OLD else new).add(value if is_address(value) else "")


def _single(found: set[str]) -> str | None:
    """The only value; None for none, for two, and for one that is no address."""
    values = {login_key(value) or "" for value in found}
    return next(iter(sorted(found))) if len(values) == 1 and "" not in values else None


def _with_headers(text: str) -> str:
    """``text`` in which a table's row of values under its row of labels has become lines "label: value"."""
    lines = [_cells(line) for line in text.split("\n")]
    out: list[str] = []
    i = 0
    while i < len(lines):
        here = [cell.strip() for cell in lines[i].split("\t")]
        below = [cell.strip() for cell in lines[i + 1].split("\t")] if i + 1 < len(lines) else []
        if len(here) > 1 and len(here) == len(below) and all(_is_header(cell) for cell in here):
            out += [f"{label}: {value}" for label, value in zip(here, below, strict=True)]
            i += 2
        else:
            out.append(lines[i])
            i += 1
    return "\n".join(out)


def _cells(line: str) -> str:
    """A row drawn with bars, its cells parted by tabs."""
    return "\t".join(cell.strip() for cell in line.strip().strip("|").split("|")) if "|" in line else line


def _is_header(cell: str) -> bool:
    """Whether a cell of a table is the label of a datum and holds no value."""
    return (
        "@" not in cell
        and len(cell) <= 100
        and (name_label(cell) is not None or addresses.label_role(cell) is not None)
    )
