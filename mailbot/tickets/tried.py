"""The rules that were tried for a decision: each way through them is written once, and decisions name it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, Label, func, select

from mailbot.model import Decision, TraceStep
from mailbot.storage import upsert
from mailbot.storage.among import among
from mailbot.storage.schema import decision
from mailbot.storage.tried import rules_tried

COLUMNS = tuple(c for c in decision.c if c.name not in ("trace", "tried"))
"""All that a decision says beside them."""
TRACE: Label[Any] = func.coalesce(rules_tried.c.steps, decision.c.trace, type_=decision.c.trace.type).label("trace")
"""The steps, of a decision that is joined with its ``OF``; those before migration 0021 hold them themselves."""
OF = rules_tried.c.id == decision.c.tried

_THERE = select(rules_tried.c.id).where(among(rules_tried.c.id, "names"))
_MOST = 200
_NamedSteps = tuple[str, list[dict[str, Any]]]
_lately: dict[int, tuple[tuple[TraceStep, ...], _NamedSteps]] = {}
"""By id() of the trace, which is kept so that no other one gets it."""


class Tried:
    """Those of a batch."""

    def __init__(self) -> None:
        self._steps: dict[str, list[dict[str, Any]]] = {}

    def add(self, decided: Decision) -> str:
        """What the row of the decision calls its steps."""
        kept = _lately.get(id(decided.trace))
        if kept is None:
            if len(_lately) >= _MOST:
                _lately.clear()
            kept = _lately[id(decided.trace)] = (decided.trace, _told(decided))
        name, steps = kept[1]
        self._steps[name] = steps
        return name

    def flush(self, connection: Connection) -> None:
        """Write those that are not there yet."""
        there = set(connection.execute(_THERE, {"names": list(self._steps)}).scalars()) if self._steps else set()
        # In one order: another process may be at the same ones.
        rows = [{"id": name, "steps": self._steps[name]} for name in sorted(self._steps) if name not in there]
        if rows:
            connection.execute(upsert.insert(connection, rules_tried).on_conflict_do_nothing(), rows)


def trace(decided: Decision) -> list[dict[str, Any]]:
    """Every rule tried: what it asked and what it saw."""
    return [
        {"rule": s.rule, "hit": s.hit, "asked": dict(s.asked), "saw": dict(s.saw)}
        | ({"shadow": True} if s.shadow else {})
        for s in decided.trace
    ]


def _told(decided: Decision) -> _NamedSteps:
    steps = trace(decided)
    return hashlib.sha256(json.dumps(steps).encode()).hexdigest()[:32], steps
