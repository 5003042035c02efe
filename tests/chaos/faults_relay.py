"""A relay that misbehaves in every way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from tests.chaos.faults import fault
from tests.chaos.world import World
from tests.relay_fake import CUT, ENDLESS, SILENCE

_GARBAGE = b"\xff\xfe\x00 what\x80 garbage\r\n"
_PASSING: dict[str, dict[str, bytes]] = {
    "banner 421": {"banner": b"421 4.3.2 not now\r\n"},
    "banner 554": {"banner": b"554 5.3.2 no service\r\n"},
    "banner cut": {"banner": CUT},
    "banner silent": {"banner": SILENCE},
    "banner garbage": {"banner": _GARBAGE},
    "EHLO 421": {"EHLO": b"421 4.3.2 not now\r\n"},
    "EHLO endless": {"EHLO": ENDLESS},
    "MAIL 451": {"MAIL": b"451 4.3.0 later\r\n"},
    "MAIL cut": {"MAIL": CUT},
    "RCPT 450": {"RCPT": b"450 4.2.1 busy\r\n"},
    "RCPT 452": {"RCPT": b"452 4.5.3 too many\r\n"},
    "RCPT 421": {"RCPT": b"421 4.7.0 slow down\r\n"},
    "RCPT silent": {"RCPT": SILENCE},
    "RCPT not UTF-8": {"RCPT": b"451 4.3.0 b\xb3\xb1d \x00\r\n"},
    "DATA 451": {"DATA": b"451 4.3.0 later\r\n"},
    "DATA cut": {"DATA": CUT},
    "DATA silent": {"DATA": SILENCE},
    "dot 451": {".": b"451 4.3.0 queue file write error\r\n"},
    "dot 452": {".": b"452 4.3.1 disk full\r\n"},
    "dot 421": {".": b"421 4.3.2 shutting down\r\n"},
    "dot not UTF-8": {".": b"451 4.3.0 b\xb3\xb1d \x00\r\n"},
    "RSET 500": {"RSET": b"500 what\r\n", "RCPT": b"450 4.2.1 busy\r\n"},
}
"""What only means: later."""
_IN_DOUBT: dict[str, dict[str, bytes]] = {
    "dot taken, cut": {".": CUT},
    "dot taken, silent": {".": SILENCE},
    "dot taken, garbage": {".": _GARBAGE},
}
_REFUSES_US: dict[str, dict[str, bytes]] = {
    "MAIL 530": {"MAIL": b"530 5.7.0 authenticate first\r\n"},
    "RCPT relay denied": {"RCPT": b"554 5.7.1 <a@b>: Relay access denied\r\n"},
}
_REFUSES_THE_MAIL: dict[str, dict[str, bytes]] = {
    "RCPT 550": {"RCPT": b"550 5.1.1 no such user\r\n"},
    "dot 554": {".": b"554 5.6.0 message content rejected\r\n"},
}


async def _hold(world: World, says: dict[str, bytes], at_least: float = 0.15) -> None:
    """Say it until somebody has heard it, for a while at most."""
    world.relay.said = 0
    world.relay.says.update(says)
    await world.until(lambda: world.relay.said > 0, 0.6)
    await asyncio.sleep(at_least)


async def _passing(says: dict[str, bytes], world: World) -> None:
    try:
        world.write(1)
        await _hold(world, says)
        if await asyncio.to_thread(world.failed_once):
            await world.must_say("a mail waits", lambda: world.metric("mails_undone", '{state="queued"}') > 0)
    finally:
        world.relay.says.clear()


async def _in_doubt(says: dict[str, bytes], world: World) -> None:
    try:
        world.write(1)
        await _hold(world, says)
    finally:
        world.relay.says.clear()


async def _refuses_us(says: dict[str, bytes], world: World) -> None:
    before = len(world.relay.taken)
    try:
        world.write(1)
        await _hold(world, says, 0.2)
        if await asyncio.to_thread(world.failed_once) and len(world.relay.taken) == before:
            await world.must_say("the relay refuses us", lambda: world.metric("mails_refused_us") > 0)
    finally:
        world.relay.says.clear()


async def _refuses_the_mail(says: dict[str, bytes], world: World) -> None:
    """It is buried and told; an administrator has it tried again when the matter is mended."""
    try:
        world.write(1)
        await _hold(world, says)
    finally:
        world.relay.says.clear()
    if await asyncio.to_thread(world.refused):
        await world.must_say("a mail is buried", lambda: world.metric("mails_undone", '{state="buried"}') > 0)
        await world.revive()


for _names, _act, _weight in (
    (_PASSING, _passing, 4),
    (_IN_DOUBT, _in_doubt, 8),
    (_REFUSES_US, _refuses_us, 4),
    (_REFUSES_THE_MAIL, _refuses_the_mail, 2),
):
    for _name, _says in _names.items():
        fault(f"relay: {_name}", weight=_weight)(partial(_act, _says))


@fault("relay: slow", weight=4)
async def slow(world: World) -> None:
    """Each answer takes long, none too long."""
    world.relay.pause = 0.3
    try:
        world.write(1)
        await asyncio.sleep(0.8)
    finally:
        world.relay.pause = 0.0


@fault("relay: greylists", weight=4)
async def greylists(world: World) -> None:
    """Whoever comes for the first time is sent away."""
    world.relay.greylists = True
    try:
        world.write(2)
        await asyncio.sleep(0.4)
    finally:
        world.relay.greylists = False


@fault("relay: gone for five hours", "leases end", weight=3)
async def gone_for_long(world: World) -> None:
    """Nothing is given up, and all leaves when it is back."""
    world.relay.stop()
    try:
        world.write(2)
        await world.until(lambda: world.failed_once() > 0, 2)
        await world.pass_time(timedelta(hours=5))
        if await asyncio.to_thread(world.failed_once):
            await world.must_say("overdue", lambda: world.metric("mails_overdue_seconds", '{state="queued"}') > 3600)
    finally:
        await world.relay.start()


@fault("relay: gone", weight=10)
async def gone(world: World) -> None:
    """Nobody listens; what waits is seen."""
    world.relay.stop()
    try:
        world.write(2)
        if await world.until(lambda: world.failed_once() > 0, 2):
            await world.must_say("a mail waits", lambda: world.metric("mails_undone", '{state="queued"}') > 0)
        if world.rng.random() < 0.1:
            told = await asyncio.to_thread(world.office.command, "doctor", "--json")
            world.told += 1
            if not any('"delivery"' in line and '"works": false' in line for line in told.stdout.splitlines()):
                world.accuse(f"doctor does not say that the relay is gone: {told.stdout}{told.stderr}")
    finally:
        await world.relay.start()
