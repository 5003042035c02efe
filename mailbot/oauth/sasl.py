"""What a client says to log in with an access token: OAUTHBEARER (RFC 7628), XOAUTH2 (Google, Microsoft)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """first: the initial response. after: what answers the challenge that explains a refusal; the server's last word
    comes only then (RFC 7628 §3.2.3)."""

    mechanism: str
    first: bytes
    after: bytes


_LONG = re.compile(r"\S{32,}")


def without_echo(text: str) -> str:
    """What a server said to a login, for the log: some say the command again that they did not like."""
    return _LONG.sub("…", text)


def login(offered: Collection[str], user: str, token: str, host: str, port: int) -> Login:
    """By the standard where the server offers it (mechanisms in upper case), else by what came before it."""
    if "OAUTHBEARER" in offered:
        name = user.replace("=", "=3D").replace(",", "=2C")  # saslname, RFC 5801 §4
        text = f"n,a={name},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
        return Login("OAUTHBEARER", text.encode(), b"\1")
    return Login("XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode(), b"")
