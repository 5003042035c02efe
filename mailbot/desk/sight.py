"""Which tickets a person sees (those of the person's desks, and those that no desk has), and what of them."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, true

from mailbot.model import Operator, Role
from mailbot.storage.schema import ticket
from mailbot.text.mask import mask

_ADDRESS = re.compile(r"([^\s@<>\"]?)[^\s@<>\"]*@([^\s@<>\"]+)")


def sees(operator: Operator, desk: str) -> bool:
    """Whether ``operator`` may open a ticket of ``desk``."""
    return not operator.desks or not desk or desk in operator.desks


def seen(operator: Operator) -> ColumnElement[bool]:
    """The same for a statement."""
    return ticket.c.desk.in_(sorted({"", *operator.desks})) if operator.desks else true()


def masked(operator: Operator | None) -> bool:
    """Whether personal data are hidden: whoever only audits needs none."""
    return operator is None or not operator.roles & {Role.CONSULTANT, Role.SUPERVISOR}


def shown(masked: bool, text: str) -> str:
    """``text`` for a reader: always without PESEL and the like (text.mask); ``masked``: of an address only the first
    letter and the domain."""
    return _ADDRESS.sub(r"\1***@\2", mask(text)) if masked else mask(text)


def person(masked: bool, name: str) -> str:
    """The name of a person for a reader; ``masked``: the initials."""
    return " ".join(f"{word[:1]}." for word in name.split()) if masked else mask(name)
