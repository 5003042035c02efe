"""A relay that speaks TLS, and loses it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Literal

from tests.certificates import make
from tests.chaos.faults import fault
from tests.chaos.faults_relay import passing
from tests.chaos.relay import server_context
from tests.chaos.world import World


async def _handshake(how: Literal["cut", "garbage"], world: World) -> None:
    world.relay.handshake = how
    try:
        world.relay.hang_up()
        world.relay.said = 0
        world.write(1)
        await world.until(lambda: world.relay.said >= 3, 2)  # banner, EHLO, STARTTLS
    finally:
        world.relay.handshake = ""


for _how in ("cut", "garbage"):
    fault(f"relay: the TLS handshake is {_how}", "starttls", weight=20)(partial(_handshake, _how))


@fault("relay: STARTTLS 454", "starttls", weight=20)
async def tls_later(world: World) -> None:
    """Its certificate is just being renewed."""
    world.relay.hang_up()
    await passing({"STARTTLS": b"454 4.7.0 TLS not available\r\n"}, world)


async def _nothing_leaves(world: World) -> None:
    """Neither in clear nor to whoever that is."""
    world.relay.hang_up()
    before = len(world.relay.taken)
    world.relay.said = 0
    world.write(1)
    if await world.until(lambda: world.relay.said >= 2 and world.failed_once() > 0, 5):
        await world.must_say("the relay refuses us", lambda: world.metric("mails_refused_us") > 0)
    if len(world.relay.taken) > before:
        world.accuse("a mail left all the same")


@fault("relay: offers TLS no more", "starttls", weight=20)
async def no_tls(world: World) -> None:
    """Nothing leaves in clear, and it is told."""
    world.relay.offers = False
    try:
        await _nothing_leaves(world)
    finally:
        world.relay.offers = True


@fault("relay: a certificate of nobody", "starttls", weight=20)
async def unknown_certificate(world: World) -> None:
    """Nothing leaves to whoever that is, and it is told."""
    right = world.relay.tls
    with tempfile.TemporaryDirectory() as other:
        world.relay.tls = server_context(make(Path(other)))
    try:
        await _nothing_leaves(world)
    finally:
        world.relay.tls = right
