"""What must hold after each fault, and what must hold once everything has drained."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from sqlalchemy import func, select

from mailbot import secret
from mailbot.outbox import jobs
from mailbot.storage import personal
from mailbot.storage.schema import inbox, outbox, ticket
from tests.chaos.relay import Relay
from tests.chaos.world import World

_REAL = 240.0  # seconds in which everything drains, however busy the machine is
_FAKE = timedelta(hours=8)
"""Of mailbot's clock: eight failed tries are an hour apart at the end."""
_POLL = timedelta(minutes=5)
"""The longest wait for a mailbox that could not be read."""
_NO_EFFECT = {"DUPLICATE"}
_ORDERS = (("T1", "T2A", "T3"), ("T1", "T4"), ("T6",))
UNHEARD = "the answer was not received"


Excuses = Mapping[tuple[str, int], str]


def doubled(relay: Relay, excused: Excuses) -> Counter[str]:
    """How many mails were taken again, by what excuses it; the key "" is what nothing excuses."""
    return Counter(why for _, why in _again(relay, excused))


def leaving(relay: Relay, excused: Excuses, accuse: Callable[[str], None]) -> None:
    """Nothing leaves twice outside the window, or with other octets, or out of order."""
    if outside := [message_id for message_id, why in _again(relay, excused) if not why]:
        accuse(f"{len(outside)} taken again outside the window: {', '.join(outside[:3])}")
    kinds: dict[str, list[str]] = defaultdict(list)
    octets: dict[str, bytes] = {}
    for taken in relay.taken:
        if octets.setdefault(taken.message_id, taken.raw) != taken.raw:
            accuse(f"{taken.message_id} again, with other octets")
        before = kinds[taken.ticket]
        if taken.kind in before and before[-1] != taken.kind:
            accuse(f"{taken.message_id} again after its successor")
        if taken.kind not in before:
            before.append(taken.kind)
    for number, found in kinds.items():
        if not any(order[: len(found)] == tuple(found) for order in _ORDERS):
            accuse(f"{number}: order {found}")


def _again(relay: Relay, excused: Excuses) -> Iterator[tuple[str, str]]:
    """(Message-ID, what excuses it) of each acceptance that another followed."""
    for message_id, times in list(relay.times.items()):  # it grows meanwhile
        for n in range(1, times):
            yield message_id, UNHEARD if (message_id, n) in relay.untold else excused.get((message_id, n), "")


def safe(world: World) -> None:
    """At any moment: nothing lost, nothing doubled outside the window, order kept."""
    leaving(world.relay, world.excused, world.accuse)
    accepted = list(world.post.accepted)  # it grows while the database is read
    with world.engine.connect() as connection:
        there = Counter(connection.execute(select(inbox.c.sha256)).scalars())
        twice = select(ticket.c.correspondent).group_by(ticket.c.correspondent).having(func.count() > 1)
        due = [kept(world, letter.sender) for letter in accepted if letter.due]
        twice = twice.where(ticket.c.correspondent.in_(due))
        for _ in connection.execute(twice).scalars():
            world.accuse("two tickets for one letter")
    if {"lmtp", "smtp"} & world.traits:
        lost = [letter.sender for letter in accepted if not there[hidden(world, letter.sha256)]]
        if lost:
            world.accuse(f"{len(lost)} answered with 250 and not there: {lost[:3]}")
        if repeated := [sha for sha, times in there.items() if times > 1]:
            world.accuse(f"{len(repeated)} deliveries have two rows")


async def drained(world: World) -> None:
    """All faults are over: in bounded time everything is done, and every letter has had its one effect."""
    deadline, spent = asyncio.get_running_loop().time() + _REAL, timedelta()
    while undone := await asyncio.to_thread(_waiting, world):
        if asyncio.get_running_loop().time() > deadline or spent > _FAKE:
            world.accuse(f"waits for ever ({spent} of its clock): {undone[:5]}")
            return
        if await world.until(lambda before=undone: _waiting(world) != before, 1.0):  # type: ignore[misc]
            continue
        await world.revive()
        moment = await asyncio.to_thread(world.next_moment)
        span = max(moment - world.office.now(), timedelta()) + timedelta(seconds=1) if moment else _POLL
        spent += span
        await world.pass_time(span)
    await asyncio.to_thread(safe, world)
    await asyncio.to_thread(_effects, world)
    await world.must_be_ready()


def _waiting(world: World) -> list[object]:
    """In the order of the road: what was on its way before a place is looked at must be seen in it or behind it."""
    found: list[object] = [] if world.post.empty else ["the MTA's queue"]
    accepted = list(world.post.accepted)
    known = _rows(world)
    found += [letter.sender for letter in accepted if hidden(world, letter.sha256) not in known]
    return found + world.undone()


def _rows(world: World) -> set[str]:
    with world.engine.connect() as connection:
        return set(connection.execute(select(inbox.c.sha256)).scalars())


def _effects(world: World) -> None:
    with world.engine.connect() as connection:
        outcomes: dict[str, list[str]] = defaultdict(list)
        for row in connection.execute(select(inbox.c.sha256, inbox.c.outcome)):
            outcomes[row.sha256].append(row.outcome)
        joined = select(ticket.c.correspondent, ticket.c.number, outbox.c.kind, outbox.c.state, outbox.c.message_id)
        mails: dict[str, list[str]] = defaultdict(list)
        for row in connection.execute(joined.join(ticket, ticket.c.id == outbox.c.ticket_id).order_by(outbox.c.id)):
            mails[row.correspondent].append(row.kind)
            if row.state == jobs.DONE and not world.relay.times.get(row.message_id):
                world.accuse(f"{row.number} {row.kind}: recorded as sent, and the relay never took it")
    for letter in world.post.accepted:
        effects = [outcome for outcome in outcomes[hidden(world, letter.sha256)] if outcome not in _NO_EFFECT]
        if len(effects) != 1:
            world.accuse(f"{letter.sender}: {len(effects)} effects")
        got = mails[kept(world, letter.sender)]
        if letter.due is not None and tuple(got) != letter.due:
            world.accuse(f"{letter.sender}: {effects}, mails {got}, due {letter.due}")


def kept(world: World, address: str) -> str:
    """As the column of a ticket has it."""
    return hidden(world, personal.key(address))


def hidden(world: World, text: str) -> str:
    """As the columns of keyed hashes have it."""
    return personal.hashed(secret.read(world.office.folder / "mailbot.key"), text)
