"""A DNS server for an office of its own: honest about citizens' domains until it is told otherwise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_SPF, _DMARC = '"v=spf1 ip4:127.0.0.1 -all"', '"v=DMARC1; p=reject; aspf=s; adkim=s"'
Mood = Literal["honest", "silent", "slow", "SERVFAIL", "REFUSED", "garbage", "truncated", "for another"]


@dataclass
class Names(asyncio.DatagramProtocol):
    """``mood``: how it answers. ``seconds``: how slow it is then. ``denies``: a domain that there is not, it says."""

    address: str
    mood: Mood = "honest"
    seconds: float = 0.4
    denies: str = ""
    asked: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It listens."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A question."""
        self.asked += 1
        try:
            answer = self._answer(data)
        except dns.exception.DNSException:
            return
        wait = self.seconds if self.mood == "slow" else 0.0
        if answer is not None:
            asyncio.get_running_loop().call_later(wait, self._transport.sendto, answer, addr)

    def _answer(self, data: bytes) -> bytes | None:
        if self.mood == "silent":
            return None
        if self.mood == "garbage":
            return data[:2] + b"\xff" * 60
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question, recursion_available=True)
        name, kind = question.question[0].name, question.question[0].rdtype
        text = _DMARC if str(name).startswith("_dmarc.") else _SPF
        if self.mood in ("SERVFAIL", "REFUSED"):
            answer.set_rcode(dns.rcode.from_text(self.mood))
        elif self.mood == "truncated":
            answer.flags |= dns.flags.TC
        elif kind != dns.rdatatype.TXT or "_domainkey" in str(name) or (self.denies and self.denies in str(name)):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", text))
        if self.mood == "for another":
            answer.id ^= 1
        return answer.to_wire()


@asynccontextmanager
async def listening() -> AsyncIterator[Names]:
    """On port 53 of an address of this machine's that nobody else uses. Raises PermissionError where only root may."""
    names = Names(f"127.53.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}")
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: names, (names.address, 53))
    try:
        yield names
    finally:
        transport.close()
