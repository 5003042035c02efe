"""Which tickets a person sees: those of the person's desks, and those that no desk has."""

from __future__ import annotations

from sqlalchemy import ColumnElement, true

from mailbot.model import Operator
from mailbot.storage.schema import ticket


def sees(operator: Operator, desk: str) -> bool:
    """Whether ``operator`` may open a ticket of ``desk``."""
    return not operator.desks or not desk or desk in operator.desks


def seen(operator: Operator) -> ColumnElement[bool]:
    """The same for a statement."""
    return ticket.c.desk.in_(sorted({"", *operator.desks})) if operator.desks else true()
