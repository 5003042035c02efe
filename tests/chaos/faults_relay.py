"""A relay that misbehaves in every way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Literal

from tests.chaos.faults import fault
from tests.chaos.post import letter
from tests.chaos.world import World
from tests.relay_fake import CUT, ENDLESS, SILENCE

_GARBAGE = b"\xff\xfe\x00 what\x80 garbage\r\n"
_PASSING: dict[str, dict[str, bytes]] = {
    "banner 421": {"banner": b"421 4.3.2 not now\r\n"},
    "banner 554": {"banner": b"554 5.3.2 no service\r\n"},
    "banner cut": {"banner": CUT},
    "banner silent": {"banner": SILENCE},
    "banner garbage": {"banner": _GARBAGE},
    "banner of many lines": {"banner": b"220-relay.example\r\n220-\r\n220 \xb3\xb1ka\r\n"},
    "banner with a mail behind it": {"banner": b"220 relay.example\r\n250 2.0.0 taken\r\n250 2.0.0 taken\r\n"},
    "EHLO 421": {"EHLO": b"421 4.3.2 not now\r\n"},
    "EHLO endless": {"EHLO": ENDLESS},
    "EHLO 502, HELO as well": {"EHLO": b"502 5.5.1 what?\r\n"},
    "EHLO cut": {"EHLO": CUT},
    "MAIL answered twice": {"MAIL": b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n"},
    "MAIL 451": {"MAIL": b"451 4.3.0 later\r\n"},
    "MAIL cut": {"MAIL": CUT},
    "RCPT 450": {"RCPT": b"450 4.2.1 busy\r\n"},
    "RCPT 452": {"RCPT": b"452 4.5.3 too many\r\n"},
    "RCPT 421": {"RCPT": b"421 4.7.0 slow down\r\n"},
    "RCPT silent": {"RCPT": SILENCE},
    "RCPT without a code": {"RCPT": b"ok\r\n"},
    "RCPT half a line": {"RCPT": b"250"},
    "RCPT other codes in one answer": {"RCPT": b"250-2.1.5 ok\r\n450 4.2.1 busy\r\n"},
    "RCPT 299": {"RCPT": b"299 what\r\n", "DATA": b"451 4.3.0 later\r\n"},
    "RCPT not UTF-8": {"RCPT": b"451 4.3.0 b\xb3\xb1d \x00\r\n"},
    "DATA 451": {"DATA": b"451 4.3.0 later\r\n"},
    "DATA 250": {"DATA": b"250 2.0.0 taken\r\n"},
    "DATA 354 and taken": {"DATA": b"354 go on\r\n250 2.0.0 taken\r\n"},
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
    "dot taken, half a 250": {".": b"25"},
    "dot taken, an answer without end": {".": ENDLESS},
    "dot taken, 354 again": {".": b"354 go on\r\n"},
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


async def passing(says: dict[str, bytes], world: World) -> None:
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
    (_PASSING, passing, 4),
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


@fault("relay: a few mails a connection", weight=4)
async def few(world: World) -> None:
    """Then it says 421 and hangs up."""
    world.relay.most = 2
    try:
        world.write(4)
        await asyncio.sleep(0.6)
    finally:
        world.relay.most = 0


@fault("relay: answers octet by octet", weight=3)
async def in_pieces(world: World) -> None:
    """As a slow line brings them."""
    world.relay.in_pieces = True
    try:
        world.write(1)
        await asyncio.sleep(0.5)
    finally:
        world.relay.in_pieces = False


async def _dies(when: Literal["before", "behind"], world: World) -> None:
    world.relay.dies = when
    try:
        world.write(2)
        await world.until(lambda: not world.relay.dies, 2)
        await asyncio.sleep(world.rng.uniform(0, 0.5))
    finally:
        world.relay.dies = ""
        world.relay.stop()
        await world.relay.start()


for _when in ("before", "behind"):
    fault(f"relay: dies {_when} its 250", weight=6)(partial(_dies, _when))


@fault("relay: one recipient there is not", weight=4)
async def one_refused(world: World) -> None:
    """Its mail is buried and told; those of others leave."""
    number = world.letters
    world.relay.refuses = letter(number).sender
    try:
        world.write(3)
        others = {letter(number + n).sender for n in (1, 2)}
        if not await world.until(lambda: others <= set(world.relay.recipients()), 20):
            world.accuse("the mails of others wait behind a recipient that there is not")
        if not await world.until(lambda: bool(world.refused()), 20):
            world.accuse("a recipient that there is not, and no mail is buried")
    finally:
        world.relay.refuses = ""
    await world.revive()


@fault("relay: QUIT is not answered", "leases end", weight=4)
async def silent_quit(world: World) -> None:
    """Who is to end does, soon, and with 0."""
    world.relay.says["QUIT"] = SILENCE
    try:
        world.write(2)
        await asyncio.sleep(world.rng.uniform(0.2, 0.6))
        process = world.rng.choice(world.of("delivery"))
        if code := await asyncio.to_thread(world.office.terminate, process):
            world.accuse(f"SIGTERM: exit code {code}")
    finally:
        world.relay.says.clear()
    await world.start()


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
