"""What an action needs beside the ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailbot.model.operator import Operator
from mailbot.ruleset.model import Ruleset

REASON_LENGTH = 2000
"""Characters of a reason, a note, the protocol of a call."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an action needs beside the ticket."""

    now: datetime
    ruleset: Ruleset
    colleagues: Mapping[str, Operator]
    """Active operators by name; asked for give."""
    uid: int | None = None
    """Who acts at the shell of this machine; None: at the console."""
