"""The total decision table of prototypes/decision.py, which stands beside the corpora, as rows to compare with."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from mailbot.model import Decision, Outcome
from tests.total_table import KEPT

DESKS = {"QUARANTINE": "BEZPIECZENSTWO", "RATE_LIMITED": "II_LINIA"}
"""Where the prototype says category BEZPIECZENSTWO: a ticket keeps the category of its matter (as in the corpus, C122
and C154) and the desk says who looks. What is over a limit is looked at by a worker, as T18 says."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the prototype says; None: nothing that could be compared."""

    outcomes: frozenset[str]
    defects: tuple[str, ...]
    category: str | None
    desk: str | None
    states: tuple[str, ...]
    mails: frozenset[str] | None
    """Kinds joined by a space."""

    def takes(self, found: Decision) -> bool:
        """Whether the program decides the same."""
        return (
            found.outcome in self.outcomes
            and (found.defects if found.outcome is Outcome.REJ_FORMAL else ()) == self.defects
            and self.category in (None, found.category)
            and self.desk in (None, found.desk)
            and (not self.states or found.state in self.states)
            and (self.mails is None or " ".join(found.mails) in self.mails)
            and not found.floor
        )


TOPIC = frozenset({"GENERAL", "MORE", "DELETE_INFO", "SELF_SERVICE", "PESEL_EXISTS", "FAQ", "REVIEW"})
"""Outcomes of rows 11 to 16. tests/unit/flow/test_channel_rows.py says which of them when."""


def row(told: tuple[str, str, str, tuple[str, ...]]) -> Row:
    """An answer of the prototype as something to compare with."""
    outcome, category, states, mails = told
    if outcome == "TOPIC":
        return Row(TOPIC, (), None, None, (), None)
    word, _, defects = outcome.rstrip(")").partition("(")
    quoted = "(" in category or category == "BEZPIECZENSTWO"  # "(of the first ticket)": words, not a category
    kinds = " ".join(re.match("T[0-9]+[AB]?", mail)[0] for mail in mails)  # type: ignore[index]
    return Row(
        outcomes=frozenset({word}),
        defects=tuple(defects.split(",")) if defects else (),
        category="OGOLNE" if category.startswith("OGOLNE") else None if quoted else category,
        desk=DESKS.get(word),
        states=(KEPT,) if states == "(unchanged)" else tuple(states.split(" / ")),
        mails=frozenset({"", "T9", "T10"}) if mails == ("T9/T10 or none",) else frozenset({kinds}),
    )


def load(corpora: Path) -> ModuleType:
    """The prototype; skips the test where it is not."""
    path = corpora.parent / "prototypes" / "decision.py"
    if not path.is_file():
        pytest.skip("the prototypes are not beside the corpora (set MAILBOT_CORPORA)")
    spec = importlib.util.spec_from_file_location("total_table_prototype", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
