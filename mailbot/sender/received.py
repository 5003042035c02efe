"""One Received line (RFC 5321 §4.4): which host wrote it, and whom that host saw at the other end.

Read with a tokenizer, not searched: a sender chooses the HELO name, and with it words, quotes and comments that stand
before the "by" of our own host. A line that does not read as ``[from …] by NAME`` names nobody.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"[ \t\r\n]*+(?:(?P<open>\()|(?P<word>(?:[^\s()\";\\]++|\"(?:[^\"\\\r\n]++|\\.)*\")+)|(?P<end>;|\Z))", re.ASCII
)
_BY = re.compile(r"\bby\b", re.IGNORECASE | re.ASCII)
_COMMENT = re.compile(r"(?:[^()\\]++|\\.)+|(?P<open>\()|(?P<close>\))", re.DOTALL)
_LOOKED_UP = re.compile(r"([^\s\[\]]+)\s+\[[0-9A-Za-z:.]+\](\s+\(may be forged\))?\Z")
_SAID = re.compile(r"\b(?:HELO|EHLO|LHLO)[ =]\S*+", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[^\w.:]+", re.ASCII)
_LIKE_AN_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")
"""Most words are none, and the library tells so slowly."""
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
_PROTOCOLS = frozenset({"lmtp", "lmtps", "lmtpa", "lmtpsa", "utf8lmtp", "utf8lmtps", "utf8lmtpa", "utf8lmtpsa"})
"""RFC 3848, RFC 6531 §4.3: a mail server's word to its mailbox. Never spoken on port 25 (RFC 2033 §5)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Hop:
    """What one line says. ``by`` is lower-case, "" when the line cannot be read for certain."""

    by: str
    clients: tuple[str, ...] = ()
    """Name that the host looked up for its client, as Postfix and Sendmail write it; "unknown": none that holds.

    More than one: the client put a comment into its HELO."""
    addresses: tuple[Address, ...] = ()
    """Addresses of the client as the host saw them, not as the client said in HELO."""
    protocol: str = ""
    queue_id: str = ""

    @property
    def from_itself(self) -> bool:
        """Did the mail come from a program of the same host, which may have written the next line?"""
        return self.protocol in _PROTOCOLS or (bool(self.addresses) and all(a.is_loopback for a in self.addresses))

    @property
    def from_inside(self) -> bool:
        """Are all the addresses such that no stranger's mail can come from them?"""
        return bool(self.addresses) and all(any(a in network for network in _INSIDE) for a in self.addresses)


def parse(value: bytes) -> Hop:
    """Read one raw field value, folding included. Never raises."""
    tokens = _tokens(value.decode("latin-1")) or []
    start = next((i for i, (kind, _) in enumerate(tokens) if kind == "word"), None)
    if start is None:
        return Hop("")
    by = start if tokens[start][1].lower() == "by" else _end_of_from(tokens, start)
    if by is None or by + 1 >= len(tokens) or tokens[by + 1][0] != "word":
        return Hop("")
    origin, rest = tokens[start:by], tokens[by + 2 :]
    if _after("by", rest):  # a HELO name with blanks in it
        return Hop("")
    return Hop(
        by=tokens[by + 1][1].lower(),
        clients=tuple(name for kind, text in origin if kind == "comment" and (name := _looked_up(text))),
        addresses=_seen(origin),
        protocol=_after("with", rest).lower(),
        queue_id=_after("id", rest),
    )


def _end_of_from(tokens: list[tuple[str, str]], start: int) -> int | None:
    """Where "by" stands behind ``from NAME (…) [literal]``; None when anything else stands there."""
    if tokens[start][1].lower() != "from" or start + 1 >= len(tokens) or tokens[start + 1][0] != "word":
        return None
    for i in range(start + 2, len(tokens)):
        kind, text = tokens[i]
        if kind == "word" and text.lower() == "by":
            return i
        if kind == "word" and not text.startswith("["):
            return None
    return None


def _looked_up(comment: str) -> str | None:
    match = _LOOKED_UP.match(_SAID.sub("", comment))
    if match is None:
        return None
    return "unknown" if match[2] else match[1].rpartition("@")[2].rstrip(".").lower()  # RFC 1413 user, root's dot


def _seen(origin: list[tuple[str, str]]) -> tuple[Address, ...]:
    """What stands behind the name, which is the client's HELO; or that name where the comment tells HELO apart."""
    behind = " ".join(text for _, text in origin[2:])
    seen = _SAID.sub("", behind)
    return tuple(addresses(seen)) or (tuple(addresses(origin[1][1])) if seen != behind else ())


def _after(keyword: str, tokens: list[tuple[str, str]]) -> str:
    """The word behind ``keyword``, "" when there is none."""
    for (kind, text), (following, value) in pairwise(tokens):
        if kind == "word" and following == "word" and text.lower() == keyword:
            return value
    return ""


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """Words and comments (without their brackets) before the date; None where brackets or quotes do not close."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        if match.lastgroup == "end":  # behind the date stands nothing, unless HELO held a semicolon
            return None if _BY.search(text, position) else tokens
        if match.lastgroup == "word":
            tokens.append(("word", match["word"]))
        else:
            start, position = position, _end_of_comment(text, position)
            if position < 0:
                return None
            tokens.append(("comment", text[start : position - 1].strip()))
    return None


def _end_of_comment(text: str, position: int) -> int:
    """Just behind the bracket that closes the comment, which may hold others; -1: nothing does."""
    depth = 1
    while depth and (match := _COMMENT.match(text, position)):
        position = match.end()
        depth += (match.lastgroup == "open") - (match.lastgroup == "close")
    return -1 if depth else position


def addresses(text: str) -> Iterator[Address]:
    """Every IP address in a piece of text."""
    for word in _NOT_IN_ADDRESS.split(text.replace("IPv6:", "")):
        if not _LIKE_AN_ADDRESS.fullmatch(word):
            continue
        try:
            address = ipaddress.ip_address(word)
        except ValueError:
            continue
        yield getattr(address, "ipv4_mapped", None) or address
