"""The steps of docs/operator.md as somebody reads them who knows nothing else: what to click, type, choose and see."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.docs.operator import PAGE

PICTURES = PAGE.parent / "images"
_SECTION = re.compile(r"^## Krok po kroku$(.*?)^## ", re.MULTILINE | re.DOTALL)
_STEP = re.compile(
    r"[Kk]liknij zgłoszenie od \*\*(?P<ticket>[^*]+)\*\*|"
    r"(?P<verb>[Kk]liknij|[Zz]aznacz|[Zz]obaczysz) \*\*(?P<label>[^*]+)\*\*|"
    r"[Ww]pisz „(?P<text>[^”]+)” w polu \*\*(?P<field>[^*]+)\*\*|"
    r"[Ww]ybierz „(?P<option>[^”]+)” w polu \*\*(?P<select>[^*]+)\*\*|"
    r"(?P<own>swoją nazwę|swoje hasło|sześć cyfr) w polu \*\*(?P<place>[^*]+)\*\*|"
    r"(?P<back>Wróć do zgłoszenia)|"
    r"!\[[^\]]+\]\(images/(?P<picture>[a-z-]+\.png)\)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """verb: kliknij, zaznacz, zobaczysz, zgłoszenie, wpisz, wybierz, own, wróć, picture; at: label, address or file."""

    verb: str
    at: str
    what: str = ""
    """Text, option, or words for what is everybody's own."""


def section() -> str:
    """The text of the steps."""
    found = _SECTION.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def walks() -> dict[str, list[Step]]:
    """Heading → steps in their order."""
    parts = re.split(r"^### (.+)$", section(), flags=re.MULTILINE)[1:]
    return {title: list(_steps(text)) for title, text in zip(parts[::2], parts[1::2], strict=True)}


def _steps(text: str) -> list[Step]:
    return [_step(found) for found in _STEP.finditer(" ".join(text.split()))]


def _step(found: re.Match[str]) -> Step:
    g = found.groupdict()
    if g["ticket"]:
        return Step("zgłoszenie", g["ticket"])
    if g["verb"]:
        return Step(g["verb"].lower(), g["label"])
    if g["text"]:
        return Step("wpisz", g["field"], g["text"])
    if g["option"]:
        return Step("wybierz", g["select"], g["option"])
    if g["own"]:
        return Step("own", g["place"], g["own"])
    return Step("picture", g["picture"]) if g["picture"] else Step("wróć", "")


def labels() -> set[str]:
    """Everything that the section calls by a name that stands on the screen."""
    return {" ".join(label.split()) for label in re.findall(r"\*\*([^*]+)\*\*", section())}
