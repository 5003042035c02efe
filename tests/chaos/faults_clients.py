"""SMTP clients that know no manners: at the door of LMTP, beside an MTA that does."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from sqlalchemy import select

from mailbot.storage.schema import inbox
from tests.chaos.faults import fault
from tests.chaos.invariants import hidden
from tests.chaos.office import LARGEST
from tests.chaos.post import Letter
from tests.chaos.world import World
from tests.flow import mail

_PATIENCE = 20.0  # seconds for an answer
_CROWD = 160  # connections, of 100 that may be there
_SENDER = "odd@odd.example"
_RCPT = b"RCPT TO:<helpdesk-eclo@mf.gov.pl>\r\n"
_GREETING = b"LHLO odd.example\r\n"
_ENVELOPE = f"MAIL FROM:<{_SENDER}>\r\n".encode() + _RCPT + b"DATA\r\n"


class Client:
    """A socket that writes whatever octets it is told to. Blocking."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._heard = self.socket.makefile("rb")
        self.answers(1)

    def answers(self, count: int) -> list[int]:
        """Codes of the next ``count`` answers, fewer where the server hangs up."""
        codes: list[int] = []
        while len(codes) < count and (line := self._heard.readline()):
            if line[3:4] != b"-":
                codes.append(int(line[:3]))
        return codes

    def say(self, octets: bytes, count: int = 1) -> list[int]:
        """Write, then hear ``count`` answers."""
        self.socket.sendall(octets)
        return self.answers(count)

    def begin(self) -> list[int]:
        """Up to the 354."""
        return self.say(_GREETING + _ENVELOPE, 4)

    def vanish(self) -> None:
        """A reset in the place of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """An end."""
        self._heard.close()
        self.socket.close()


# What is never a mail: each is given a client and a mail


def _stalls(client: Client, raw: bytes) -> None:
    client.begin()
    client.say(raw[:200], 0)


def _half_a_line(client: Client, raw: bytes) -> None:
    client.say(b"LHLO odd.exa", 0)
    client.vanish()


def _reset_in_data(client: Client, raw: bytes) -> None:
    client.begin()
    client.say(raw + b"\r", 0)
    client.vanish()


def _bare_ends(client: Client, raw: bytes) -> None:
    """What other servers take for an end, and a second mail behind it."""
    client.begin()
    for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r"):
        client.say(raw + end + _ENVELOPE, 0)
    client.vanish()


def _too_large(client: Client, raw: bytes) -> None:
    client.begin()
    codes = client.say(raw + b"x" * LARGEST + b"\r\n.\r\n")
    assert codes == [552], codes


def _too_large_announced(client: Client, raw: bytes) -> None:
    codes = client.say(_GREETING + f"MAIL FROM:<{_SENDER}> SIZE={LARGEST + 1}\r\n".encode(), 2)
    assert codes == [250, 552], codes


def _garbage(client: Client, raw: bytes) -> None:
    lines = (
        b"\xff\xfe\x00\x80",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1",
        b"MAIL FROM:<\x00@\xff>",
        b"",
        b"RCPT",
    )
    codes = [code for line in lines for code in client.say(line + b"\r\n")]
    assert all(code // 100 == 5 for code in codes), codes


def _long_command(client: Client, raw: bytes) -> None:
    codes = client.say(b"LHLO " + b"x" * 300_000 + b"\r\nNOOP\r\n", 2)
    assert codes == [500, 250], codes


def _data_without_recipient(client: Client, raw: bytes) -> None:
    codes = client.say(_GREETING + b"MAIL FROM:<a@b.example>\r\nDATA\r\n", 3)
    assert codes == [250, 250, 503], codes


def _tls_cut(client: Client, raw: bytes) -> None:
    assert client.say(_GREETING + b"STARTTLS\r\n", 2) == [250, 220]
    client.say(b"\x16\x03\x01\x02\x00\x01\x00", 0)  # the beginning of a ClientHello
    client.vanish()


def _tls_nonsense(client: Client, raw: bytes) -> None:
    assert client.say(_GREETING + b"STARTTLS\r\n", 2) == [250, 220]
    client.say(b"QUIT\r\n" * 20, 0)
    with suppress(OSError):
        client.socket.recv(100)


def _clear_behind_starttls(client: Client, raw: bytes) -> None:
    """Commands in clear behind STARTTLS are nobody's (CVE-2011-0411)."""
    client.say(_GREETING + b"STARTTLS\r\n" + _ENVELOPE + raw + b"\r\n.\r\n", 2)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):
        client.socket = context.wrap_socket(client.socket)
        client.socket.recv(100)


_NEVER: dict[str, tuple[Callable[[Client, bytes], None], float]] = {
    "stalls in DATA": (_stalls, 0.5),
    "half a line": (_half_a_line, 0.0),
    "reset in DATA": (_reset_in_data, 0.0),
    "ends that are none": (_bare_ends, 0.0),
    "too large": (_too_large, 0.0),
    "too large, as announced": (_too_large_announced, 0.0),
    "garbage for commands": (_garbage, 0.0),
    "a command of 300,000 octets": (_long_command, 0.0),
    "DATA without a recipient": (_data_without_recipient, 0.0),
    "TLS cut in the handshake": (_tls_cut, 0.0),
    "nonsense for TLS": (_tls_nonsense, 0.0),
    "clear text behind STARTTLS": (_clear_behind_starttls, 0.0),
}


async def _never(act: Callable[[Client, bytes], None], seconds: float, world: World) -> None:
    """Nothing of it is kept, and who comes beside is served."""
    raw = mail("odd@odd.example", "nothing", name=f"odd{world.rng.randrange(10**9)}")
    world.write(1)
    client = await asyncio.to_thread(Client, world.office.lmtp)
    try:
        await asyncio.to_thread(act, client, raw)
        await asyncio.sleep(seconds)
    finally:
        client.close()
    await asyncio.sleep(0.1)
    if await asyncio.to_thread(_sizes, world, raw):
        world.accuse("what was no mail is there")


def _sizes(world: World, raw: bytes) -> list[int]:
    """Of rows with just these octets."""
    digest = hidden(world, hashlib.sha256(raw).hexdigest())
    with world.engine.connect() as connection:
        return list(connection.execute(select(inbox.c.size).where(inbox.c.sha256 == digest)).scalars())


for _name, (_act, _seconds) in _NEVER.items():
    fault(f"LMTP: {_name}", "lmtp", weight=2)(partial(_never, _act, _seconds))


# What is a mail all the same: each returns the octets that must be there when it was answered 250


def _pipelined(client: Client, raw: bytes) -> tuple[list[int], bytes]:
    """The mail behind DATA in one write, before anybody said 354."""
    return client.say(_GREETING + _ENVELOPE + raw + b".\r\nQUIT\r\n", 5)[-1:], raw


def _octet_by_octet(client: Client, raw: bytes) -> tuple[list[int], bytes]:
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in (_GREETING + _ENVELOPE)[:-1]:
        client.socket.send(bytes([octet]))
    client.say(b"\n", 4)
    for octet in raw + b".\r\n":
        client.socket.send(bytes([octet]))
    return client.answers(1), raw


def _foul_octets(client: Client, raw: bytes) -> tuple[list[int], bytes]:
    foul = raw + b"\x00\xff\xfe\x80 a\rb\nc\x1a\r\n" + b"y" * 5000 + b"\r\n"
    client.begin()
    return client.say(foul + b".\r\n"), foul


def _many_recipients(client: Client, raw: bytes) -> tuple[list[int], bytes]:
    client.say(_GREETING + f"MAIL FROM:<{_SENDER}>\r\n".encode(), 2)
    codes = client.say(_RCPT * 1100, 1100)
    taken = codes.count(250)
    assert 100 <= taken < 1100, codes
    assert set(codes) == {250, 452}, codes
    client.say(b"DATA\r\n")
    told = client.say(raw + b".\r\n", taken)
    assert len(told) == taken, (len(told), taken)
    assert len(set(told)) == 1, told
    return told[:1], raw


_ODD: dict[str, Callable[[Client, bytes], tuple[list[int], bytes]]] = {
    "pipelined wrongly": _pipelined,
    "octet by octet": _octet_by_octet,
    "foul octets": _foul_octets,
    "1,100 recipients": _many_recipients,
}


async def _odd(act: Callable[[Client, bytes], tuple[list[int], bytes]], world: World) -> None:
    """Answered for like any other mail."""
    raw = mail(_SENDER, "Pytanie", subject="Pytanie", name=f"odd{world.rng.randrange(10**9)}")
    world.write(1)
    client = await asyncio.to_thread(Client, world.office.lmtp)
    try:
        codes, kept = await asyncio.to_thread(act, client, raw)
    finally:
        client.close()
    if codes == [250]:
        world.post.accepted.append(Letter(_SENDER, kept, None))
    elif not codes or codes[0] // 100 != 4:
        world.accuse(f"answered {codes}")


for _name, _how in _ODD.items():
    fault(f"LMTP: {_name}", "lmtp", weight=2)(partial(_odd, _how))


@fault("LMTP: a flood of connections", "lmtp", weight=1)
async def flood(world: World) -> None:
    """More than may be there, all of them silent: one too many hears a 421, and mail gets in all the same."""
    sockets: list[socket.socket] = []
    try:
        told = await asyncio.to_thread(_flood, world.office.lmtp, sockets)
        if told.count(421) < _CROWD // 8:
            world.accuse(f"{told.count(421)} of {_CROWD} connections were told that they are too many")
        world.write(2)
        if not await world.until(lambda: world.post.empty, 60):
            world.accuse("mail waits behind a crowd of silent clients")
    finally:
        for one in sockets:
            one.close()


def _flood(port: int, sockets: list[socket.socket]) -> list[int]:
    for _ in range(_CROWD):
        one = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        sockets.append(one)  # at once, so that they are closed whatever happens
    return [int(one.recv(200)[:3] or 0) for one in sockets]
