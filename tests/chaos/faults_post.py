"""Mail that is poison, clients that vanish, and crowds at the doors."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.faults import fault
from tests.chaos.post import Letter, letter
from tests.chaos.world import World
from tests.flow import mail

_STRANGE: dict[str, Callable[[int], bytes]] = {
    "NUL and octets above 127": lambda n: b"Subject: \xff\xfe\x00 %d\r\nFrom: \x80\x00@x\r\n\r\n\x00\xff\r\n" % n,
    "no header": lambda n: b"\r\nnothing but a text %d\r\n" % n,
    "a Message-ID of 1,500 characters": lambda n: mail(
        f"long{n}@long{n}.example", "Pytanie", subject="Pytanie", name=f"long{n}"
    ).replace(b"Message-ID: <", b"Message-ID: <" + b"x" * 1500),
    "brackets for ever": lambda n: b"From: a%d@b.example\r\nTo: " % n + b"(" * 20_000 + b"\r\n\r\ntext\r\n",
    "300 parts in each other": lambda n: (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(300))
        + b"\r\nend %d\r\n" % n
    ),
}


def _strange(name: str) -> None:
    @fault(f"mail: {name}", *(("lmtp",) if "NUL" in name else ()), weight=2)  # a mailbox keeps no NUL
    async def put(world: World) -> None:
        """It has a row, and those behind it their mails."""
        raw = _STRANGE[name](world.rng.randrange(10**9))
        world.put(Letter("strange@strange.example", raw, None))
        world.write(1)
        await asyncio.sleep(0.1)


for _name in _STRANGE:
    _strange(_name)


@fault("LMTP: the client goes before the 250", "lmtp", weight=10)
async def gone(world: World) -> None:
    """It was stored or not; the MTA brings it again."""
    number = world.letters
    world.write(1)

    def vanish() -> None:
        with suppress(OSError, smtplib.SMTPException):
            client = smtplib.LMTP("127.0.0.1", world.office.lmtp, timeout=5)
            client.ehlo()
            client.mail(letter(number).sender)
            client.rcpt("helpdesk-eclo@mf.gov.pl")
            client.docmd("DATA")
            client.send(smtplib._quote_periods(letter(number).raw) + b".\r\n")  # type: ignore[attr-defined]
            assert client.sock
            client.sock.close()

    await asyncio.to_thread(vanish)


@fault("LMTP: half a mail", "lmtp", weight=6)
async def half(world: World) -> None:
    """The client goes in the middle: nothing of it is kept."""

    def vanish() -> None:
        with suppress(OSError, smtplib.SMTPException):
            client = smtplib.LMTP("127.0.0.1", world.office.lmtp, timeout=5)
            client.ehlo()
            client.mail("half@half.example")
            client.rcpt("helpdesk-eclo@mf.gov.pl")
            client.docmd("DATA")
            client.send(b"Subject: half\r\n\r\nhal")
            assert client.sock
            client.sock.close()

    world.write(1)
    await asyncio.to_thread(vanish)


@fault("web: a crowd of half-open requests", weight=4)
async def crowd(world: World) -> None:
    """Mail goes on all the same."""
    world.write(1)
    sockets = []
    with suppress(OSError):
        for _ in range(150):
            one = socket.create_connection(("127.0.0.1", world.office.web), timeout=1)
            one.send(b"GET / HTTP/1.1\r\nX: ")
            sockets.append(one)
    try:
        if not await world.until(lambda: world.post.empty, 60):
            world.accuse("mail waits behind a crowd at the page")
    finally:
        for one in sockets:
            one.close()
