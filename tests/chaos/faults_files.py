"""Files that somebody takes away, or breaks: the key, the rule set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.chaos.faults import fault
from tests.chaos.world import World

_CONFIG = 78  # exit code: a setting must be mended


@fault("key: gone for a moment", "leases end", weight=3)
async def key_gone(world: World) -> None:
    """Who runs has it; who starts says what is missing, and makes no new one."""
    key = world.office.folder / "mailbot.key"
    kept = key.with_suffix(".kept")
    process = world.rng.choice(world.office.running)
    world.write(2)
    await asyncio.to_thread(world.office.terminate, process)
    key.rename(kept)
    try:
        again = world.office.spawn(process.roles)
        code = await asyncio.to_thread(world.office.gone, again)
        world.told += 1
        if code != _CONFIG or "key" not in again.log.read_text() or key.exists():
            world.accuse(f"a start without the key: exit code {code}: {again.log.read_text()[-1000:]}")
    finally:
        kept.rename(key)
    await world.start()


def _broken_rules(folder: Path) -> Callable[[], None]:
    """A file that is no YAML. Returns how to mend it."""
    file = folder / "topics.yaml"
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2] + b"\n\t{ \x00")
    return lambda: _whole(file, before)


def _whole(file: Path, octets: bytes) -> None:
    file.write_bytes(octets)


def _no_rules(folder: Path) -> Callable[[], None]:
    away = folder.with_name("rules-away")
    folder.rename(away)
    return lambda: _back(away, folder)


def _back(away: Path, place: Path) -> None:
    away.rename(place)


def _part_of_rules(folder: Path) -> Callable[[], None]:
    file = folder / "procedures.yaml"
    away = folder.with_name("procedures-away")
    file.rename(away)
    return lambda: _back(away, file)


async def _bad_rules(spoil: Callable[[Path], Callable[[], None]], world: World) -> None:
    """The last set that was right decides, and it is told; a right one is taken again, and told no more."""
    mend = spoil(world.office.rules)
    refused = lambda: world.metric("ailing", '{what="rules-refused"}')  # noqa: E731
    try:
        world.write(2)
        await world.must_say("the rule set is refused", lambda: refused() == 1, 30)
    finally:
        mend()
    world.write(1)
    await world.must_say("the rule set is right again", lambda: refused() == 0, 30)


for _name, _spoil in (
    ("half a file", _broken_rules),
    ("the folder is gone", _no_rules),
    ("a file is gone", _part_of_rules),
):
    fault(f"rules: {_name}", "passes", weight=3)(partial(_bad_rules, _spoil))
