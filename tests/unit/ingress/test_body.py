"""However the octets behind DATA are cut, the message is the same, and nothing behind its end is lost."""

from __future__ import annotations

import itertools

import pytest

from mailbot.ingress.body import Body


def whole(wire: bytes) -> tuple[bytes, bytes]:
    """The message and what stands behind its end, by the letter of RFC 5321 §4.5.2."""
    message, _, behind = (b"\r\n" + wire).partition(b"\r\n.\r\n")
    return (message + b"\r\n").replace(b"\r\n.", b"\r\n")[2:], behind


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_short_message_in_every_cut(size: int) -> None:
    for octets in itertools.chain.from_iterable(itertools.product(b"\r\n.x", repeat=n) for n in range(7)):
        wire = bytes(octets) + b"\r\n.\r\nNOOP\r\n.\r\n"
        body, behind, at = Body(), b"", 0
        while not body.ended:
            behind = body.add(wire[at : at + size])
            at += size
        assert (body.content(), behind + wire[at:]) == whole(wire), wire
        assert body.octets == len(wire) - len(whole(wire)[1])


def test_of_what_is_forgotten_only_the_end_counts() -> None:
    body = Body()
    for _ in range(3):
        assert body.add(b"x\r\n..y\r\n") == b""
        body.forget()
    assert (body.add(b"z\r\n.\r\nQUIT\r\n"), body.ended) == (b"QUIT\r\n", True)
