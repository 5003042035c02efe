"""What a fault is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.world import World

Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """``act`` makes it happen, looks at what is said meanwhile, and ends it. ``needs``: traits of a scenario."""

    name: str
    act: Act
    needs: frozenset[str]
    weight: int
    """How often it comes, against the others: what costs seconds comes less often."""


ALL: list[Fault] = []


def fault(name: str, *needs: str, weight: int = 10) -> Callable[[Act], Act]:
    """Adds a fault to the list."""

    def add(act: Act) -> Act:
        ALL.append(Fault(name, act, frozenset(needs), weight))
        return act

    return add


def applicable(traits: frozenset[str]) -> list[Fault]:
    """Those that can happen in a scenario."""
    return [fault for fault in ALL if fault.needs <= traits]
