"""The states of a ticket, as the actions part them."""

from __future__ import annotations

from mailbot.model import State

OPEN = frozenset(s for s in State if not s.closed and s not in (State.KWARANTANNA, State.ODRZUCONE_AUTOMAT))
"""States in which a person waits for an answer, and may be written to."""
CLOSED = frozenset(s for s in State if s.closed)
GOING = OPEN - {State.WSTRZYMANE}
"""Open, and nobody has stopped it."""
