"""What ``mailbot explain`` says to a person, in English or Polish; the words of each language stand in one table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailbot.model import Outcome
from mailbot.model.outcomes import OUTCOMES
from mailbot.trial.simulator import readable

LANGUAGES = ("en", "pl")
_MOST_WORDS = 4
_WIDTH = 10
_SPACES = re.compile(r"^ +|  +| +$")

_ENGLISH = {
    "rule": "rule",
    "outcome": "outcome",
    "ticket": "ticket",
    "mails": "mails",
    "subject": "subject",
    "defects": "defects",
    "facts": "facts",
    "notes": "notes",
    "tried": "rules tried, from the top",
    "mail": "mail",
    "no-mails": "none",
    "unknown": "not known: the ticket has others",
    "nobody": "nobody looks at it",
    "desk": "looked at by",
    "seen": "seen {seen}, wanted {wanted}",
    "always": "holds for every mail",
    "holds": "every fact holds",
    "watched": "would hold, but is only watched",
    "floor": "the security floor did not let it answer",
    "decided": "inbox {inbox}, {ticket}, decided {decided_at}, rule set {ruleset}",
    "no-ticket": "no ticket",
    "now": "now",
    "same": "the present rule set decides the same",
    "other": "the present rule set: rule {rule}, {outcome}, mails {mails}",
    "authentication": "sender",
    "ambiguity": "sender",
    "repairs": "repaired",
    "damage": "damaged",
    "application": "application",
    "differences": "subject differs by",
    "reused_message_id": "Message-ID used before",
    "scan": "virus scanner, then",
}
_POLISH = {
    "rule": "reguła",
    "outcome": "wynik",
    "ticket": "zgłoszenie",
    "mails": "maile",
    "subject": "temat",
    "defects": "braki",
    "facts": "fakty",
    "notes": "uwagi",
    "tried": "sprawdzone reguły, od góry",
    "mail": "mail",
    "no-mails": "żadne",
    "unknown": "nie wiadomo: zgłoszenie ma też inne",
    "nobody": "nikt nie musi się nim zająć",
    "desk": "zajmie się nim",
    "seen": "jest {seen}, a ma być {wanted}",
    "always": "pasuje do każdego maila",
    "holds": "wszystko się zgadza",
    "watched": "pasuje, ale jest tylko obserwowana",
    "floor": "zabezpieczenie nie pozwoliło odpowiedzieć",
    "decided": "skrzynka {inbox}, {ticket}, decyzja z {decided_at}, zestaw reguł {ruleset}",
    "no-ticket": "bez zgłoszenia",
    "now": "teraz",
    "same": "obecny zestaw reguł decyduje tak samo",
    "other": "obecny zestaw reguł: reguła {rule}, {outcome}, maile {mails}",
    "authentication": "nadawca",
    "ambiguity": "nadawca",
    "repairs": "naprawiono",
    "damage": "uszkodzenia",
    "application": "wniosek",
    "differences": "czym różni się temat",
    "reused_message_id": "Message-ID był już użyty",
    "scan": "skaner antywirusowy, wtedy",
}
WORDS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "pl": _POLISH}


def told(found: Mapping[str, Any], subject: str | None, titles: Mapping[str, str], language: str) -> Iterator[str]:
    """Lines about one mail. ``found``: what ``--json`` prints; ``subject``: as it was written, None when nobody may
    see it; ``titles``: rule → its title."""
    words = WORDS[language]
    outcome = Outcome(found["outcome"])
    title = titles.get(found["rule"])
    yield _line(words["rule"], f"{found['rule']}: {title}" if title else found["rule"])
    yield _line(words["outcome"], f"{outcome.value}: {OUTCOMES[language][outcome]}")
    if "state" in found:
        desk = f"{words['desk']} {found['desk']}" if found["desk"] else words["nobody"]
        yield _line(words["ticket"], ", ".join(filter(None, (found["category"], found["state"], desk))))
    yield _line(words["mails"], _mails(found["mails"], words))
    if subject is not None:
        yield _line(words["subject"], f"{found['facts']['subject']} „{visible(subject)}”")
    if found.get("defects"):
        yield _line(words["defects"], ", ".join(found["defects"]))
    asked = {fact for step in found["trace"] for fact in step["saw"]}
    yield _line(words["facts"], ", ".join(f"{f}={word}" for f, word in found["facts"].items() if f in asked))
    yield from _notes(found["notes"], words)
    yield f"  {words['tried']}:"
    yield from (f"    {_step(step, words)}" for step in found["trace"])
    for kind, raw in zip(found["mails"] or (), found.get("rendered", ()), strict=False):
        yield from ("", f"  ---- {words['mail']} {kind}", *readable(raw))


def compared(found: Mapping[str, Any], now: Mapping[str, Any], language: str) -> str:
    """Line about what the present rule set decides beside a decision that is recorded."""
    words = WORDS[language]
    if all(now[key] == found[key] for key in ("rule", "outcome")) and found["mails"] in (None, now["mails"]):
        return _line(words["now"], words["same"])
    mails = _mails(now["mails"], words)
    floor = f" ({words['floor']})" if now["floor"] else ""
    return _line(words["now"], words["other"].format(rule=now["rule"], outcome=now["outcome"], mails=mails) + floor)


def visible(text: str) -> str:
    """``text`` with the code point behind every character that does not look like what it is.

    Spaces where there is more than one or nothing beside them, other spaces, invisible and control characters, and
    letters of other alphabets, some of which pass for Latin ones.
    """
    return _SPACES.sub(lambda found: "␣" * len(found[0]), "".join(map(_visible, text)))


def _mails(kinds: Sequence[str] | None, words: Mapping[str, str]) -> str:
    return words["unknown"] if kinds is None else ", ".join(kinds) or words["no-mails"]


def _line(label: str, text: str) -> str:
    return f"  {label:{_WIDTH}} {text}"


def _notes(notes: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    for key, value in notes.items():
        if key == "defects":  # told above
            continue
        text = str(value) if isinstance(value, str | bool) else ", ".join(map(str, value))
        yield _line(words["notes"], f"{words.get(key, key)}: {visible(text)}")


def _step(step: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if step.get("shadow"):
        return f"◦ {step['rule']}: {words['watched']}"
    if step["hit"]:
        return f"✓ {step['rule']}: {words['holds'] if step['saw'] else words['always']}"
    fact, word = list(step["saw"].items())[-1]
    wanted = _wanted(step["asked"][fact])
    return f"· {step['rule']}: " + words["seen"].format(seen=f"{fact}={word}", wanted=wanted)


def _wanted(choices: Sequence[str]) -> str:
    return "|".join(choices if len(choices) <= _MOST_WORDS else [*choices[:_MOST_WORDS], "…"])


def _visible(char: str) -> str:
    if char == " " or "!" <= char <= "~":
        return char
    mark = f"[U+{ord(char):04X}]"
    category = unicodedata.category(char)
    if category == "Zs":
        return f"␣{mark}"
    if category.startswith("C") or category in ("Zl", "Zp", "Mn", "Me"):
        return mark
    is_foreign = category.startswith("L") and not unicodedata.name(char, "").startswith("LATIN")
    return f"{char}{mark}" if is_foreign else char
