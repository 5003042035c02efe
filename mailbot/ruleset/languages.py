"""Languages beside Polish: how a letter in one is recognised, and what mails and pages say in it.

Each is one file of a rule set, languages/<code>.yaml, and the templates mails/*.<code>.txt.j2. Polish is that of the
program and of the files beside: defects.yaml, differences.yaml, categories.yaml.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from yaml.nodes import MappingNode, Node

from mailbot.ruleset import texts
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding, Mistakes
from mailbot.ruleset.model import Language, Ruleset
from mailbot.ruleset.sayings import plain, words
from mailbot.ruleset.titles import MONTHS

POLISH = Language(
    code="pl",
    months=MONTHS,
    forms={
        "day": "{day} {month} {year} r.",
        "moment": "{day}, godz. {hour}",
        "opening": "od {opens} do {closes}",
        "window": "od {start} do {end}",
        "break": "Trwają prace serwisowe: system {system} jest niedostępny do {until}.",
        "person": "(imię i nazwisko, rok urodzenia)",
    },
    hours={"1": "{n} godziny", "other": "{n} godzin"},
    days={"1": "{n} dzień", "other": "{n} dni"},
)

_CODE = re.compile(r"[a-z]{2}")
_REQUIRED = ("words", "months", "forms", "hours", "days", "defects", "differences", "pages")
_OPTIONAL = ("shared", "letters", "categories", "data")
_OTHER = "other"


def read(
    directory: Path, categories: Collection[str], mistakes: Mistakes
) -> tuple[dict[str, Language], list[YamlDocument]]:
    """Code → language for every file of ``directory``/languages, and these files. ``categories``: those there are."""
    found, documents = {}, []
    for path in sorted((directory / "languages").glob("*")):
        code = path.stem
        if path.suffix != ".yaml" or not _CODE.fullmatch(code) or code == POLISH.code:
            mend = "name it <code>.yaml, two small letters of ISO 639-1, as en.yaml; Polish stands in the other files"
            mistakes.add(Finding(str(path), 1, 1, "is not named after a language", mend, code="file"))
            continue
        documents.append(YamlDocument(path, mistakes))
        if language := _language(documents[-1], code, categories):
            found[code] = language
    return found, documents


def of(ruleset: Ruleset, code: str) -> Language:
    """The language of a mail; Polish for one that the rule set does not know."""
    polish = replace(POLISH, categories=ruleset.categories, defects=ruleset.defects, differences=ruleset.differences)
    return ruleset.languages.get(code, polish)


def _language(document: YamlDocument, code: str, categories: Collection[str]) -> Language | None:
    if document.root is None:
        return None
    entries = document.entries(document.root, "", _REQUIRED, _OPTIONAL)
    if not isinstance(document.root, MappingNode) or not entries.keys() >= set(_REQUIRED):
        return None
    months = [document.string(node, "months") or "" for node in document.items(entries["months"], "months")]
    if len(months) != len(MONTHS):
        document.wrong(entries["months"], "months", "are not twelve", "write all, from January to December")
    return Language(
        code=code,
        words=frozenset(_words(document, entries["words"], "words")),
        shared=frozenset(_words(document, entries.get("shared"), "shared")),
        letters=(document.string(entries.get("letters"), "letters") or "").lower(),
        months=tuple(months),
        forms=_forms(document, entries["forms"]),
        hours=_numbers(document, entries["hours"], "hours"),
        days=_numbers(document, entries["days"], "days"),
        categories=_said(document, entries.get("categories"), "categories", categories),
        data=_said(document, entries.get("data"), "data", None),
        defects=texts.defects_of(document, entries["defects"], "defects"),
        differences=texts.differences_of(document, entries["differences"], "differences"),
        pages=_said(document, entries["pages"], "pages", None),
    )


def _words(document: YamlDocument, node: Node | None, key: str) -> Iterable[str]:
    """Folded, as they are looked for."""
    return words(plain(document.string(node, key) or ""))


def _forms(document: YamlDocument, node: Node) -> dict[str, str]:
    listed = document.entries(node, "forms", tuple(POLISH.forms))
    found = {name: document.string(one, f"forms.{name}") or "" for name, one in listed.items()}
    for name, text in found.items():
        _same_fields(document, listed[name], f"forms.{name}", text, POLISH.forms[name])
    return found


def _numbers(document: YamlDocument, node: Node, key: str) -> dict[str, str]:
    """Number, or "other", → how that many are said."""
    listed = document.mapping(node, key, "number")
    found = {name: document.string(one, f"{key}.{name}") or "" for name, one in listed.items()}
    for name, text in found.items():
        if name != _OTHER and not name.isdecimal():
            document.wrong(listed[name], f"{key}.{name}", "is no number", f'write digits, or "{_OTHER}"')
        _same_fields(document, listed[name], f"{key}.{name}", text, "{n}")
    if listed and _OTHER not in listed:
        document.wrong(node, f"{key}.{_OTHER}", "is missing", f'write "{_OTHER}: …" here', "missing-key")
    return found


def _said(document: YamlDocument, node: Node | None, key: str, known: Collection[str] | None) -> dict[str, str]:
    """Polish text, or a name of ``known``, → the same in this language."""
    listed = document.mapping(node, key, "text") if node is not None else {}
    found = {name: document.string(one, f"{key}.{name}") or "" for name, one in listed.items()}
    for name, text in found.items():
        if known is None:
            _same_fields(document, listed[name], key, text, name)
        elif name not in known:
            document.note(listed[name], f"{key}.{name}", "is not in categories.yaml", "delete it", "unused")
    return found


def _same_fields(document: YamlDocument, node: Node, key: str, text: str, polish: str) -> None:
    """Plain {fields} only, those of the Polish text: str.format would also open attributes."""
    wanted = _fields(polish)
    if _fields(text) != wanted:
        shown = ", ".join(f"{{{name}}}" for name in sorted(wanted or ())) or "nothing"
        document.wrong(node, key, f'"{text}" has other places to fill in than the Polish text', f"use {shown}")


def _fields(text: str) -> set[str] | None:
    """Names of the {fields} of a text; None when one is not plain."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return None
    if any(form or conversion for _, _, form, conversion in parts):
        return None
    return {name for _, name, _, _ in parts if name is not None}


def told(numbers: Mapping[str, str], number: int) -> str:
    """So many, in words that fit the number."""
    return numbers.get(str(number), numbers[_OTHER]).format(n=number)
