"""Large rule sets as an office with many channels of its own would write them: for the bench and the tests of speed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from mailbot.ruleset import vocabulary
from mailbot.ruleset.regions import Region, Space
from tests.support import ROOT

_ANSWERS = (
    ("GENERAL", "ZAREJESTROWANE", "", "T1"),
    ("REVIEW", "DO_WERYFIKACJI", "II_LINIA", "T1"),
    ("SELF_SERVICE", "ZAMKNIETE_BEZ_ZMIAN", "", "T1"),
    ("REJ_GENERIC", "ZAMKNIETE_NEGATYWNIE", "", "T1, T5"),
)
_CHOICES = {
    "authentication": ("pass", "none", "temperror"),
    "attachment": ("yes", "no"),
    "account": ("active", "blocked", "unknown", "not-asked"),
    "csd": ("not-asked", "yes", "no"),
    "language": ("pl", "en"),
    "maintenance": ("no", "yes"),
    "phrase": ("A", "B", "none"),
    "name": ("ok", "doubt", "mismatch", "unknown"),
    "faq": ("none", "unsure"),
}
_ABOVE = "  - name: delete-account\n"
"""The rules of the office stand among those for other subjects, below all that guards them."""

_TOPICS = 60
_TOPIC = """
  - name: own-{number}
    title: Own matter {number}
    said:
      - "matter of the kind number {number}"
"""


def many(directory: Path, count: int, seed: int = 1) -> Path:
    """The shipped rules with ``count`` more for other subjects: 2 to 6 facts each, no two alike, and 60 own topics."""
    rules = Path(shutil.copytree(ROOT / "rules", directory / "rules"))
    with (rules / "topics.yaml").open("a", encoding="utf-8") as topics:
        topics.writelines(_TOPIC.format(number=number) for number in range(_TOPICS))
    file = rules / "procedures.yaml"
    head, mark, tail = file.read_text(encoding="utf-8").partition(_ABOVE)
    assert mark
    file.write_text(head + "".join(_rules(count, random.Random(seed))) + mark + tail, encoding="utf-8")
    return rules


def _rules(count: int, chance: random.Random) -> list[str]:
    """The most special first, and none that others take the mails of, as rules must stand to be reached."""
    words = vocabulary.words([f"own-{number}" for number in range(_TOPICS)], ())
    space = Space(words)
    drawn = sorted((_when(chance) for _ in range(3 * count)), key=lambda when: ("topic" not in when, -len(when)))
    ordered: list[dict[str, tuple[str, ...]]] = []
    taken: list[Region] = []
    for when in drawn:
        if len(ordered) < count and space.witness(space.region(when), taken) is not None:
            ordered.append(when)
            taken.append(space.region(when))
    assert len(ordered) == count
    return [_rule(number, when, *chance.choice(_ANSWERS)) for number, when in enumerate(ordered)]


def _rule(number: int, when: dict[str, tuple[str, ...]], outcome: str, state: str, desk: str, mails: str) -> str:
    lines = [f"  - name: own-{number}", f"    title: Own rule {number}", "    when:"]
    lines += [f"      {fact}: [{', '.join(words)}]" for fact, words in when.items()]
    lines += [f"    outcome: {outcome}", f"    state: {state}", f"    mails: [{mails}]"]
    return "\n".join([*lines, *([f"    desk: {desk}"] if desk else []), "", ""])


def _when(chance: random.Random) -> dict[str, tuple[str, ...]]:
    """Mostly a topic of the office and several facts with one word, as channels are told from each other."""
    when: dict[str, tuple[str, ...]] = {"subject": ("OTHER",)}
    if chance.random() < 0.8:
        when["topic"] = tuple(
            f"own-{number}" for number in chance.sample(range(_TOPICS), chance.choice((1, 1, 1, 2, 3)))
        )
    for fact in chance.sample(sorted(_CHOICES), chance.choice((1, 1, 2, 2, 3, 4))):
        words = _CHOICES[fact]
        when[fact] = tuple(chance.sample(words, 1 if chance.random() < 0.8 else max(1, len(words) - 1)))
    return when
