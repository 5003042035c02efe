"""The octets of a message as they come behind DATA (RFC 5321 §4.5.2)."""

from __future__ import annotations

from io import BytesIO

_LINE = b"\r\n"
_STUFFED = b"\r\n."


class Body:
    """Takes dots out while it grows: a large message is never copied as a whole, for BytesIO gives away what it holds.

    Expects CRLF before the first octet, and at the end CRLF, dot, CRLF.
    """

    def __init__(self) -> None:
        self._kept = BytesIO()
        self._rest = b""  # the last octets, when they may belong to a dot
        self._skip = len(_LINE)

    def add(self, chunk: bytes, *, last: bool) -> None:
        """Take the next octets; ``last``: they end with the end of the message."""
        piece = self._rest + chunk
        end = len(piece) - (len(b".\r\n") if last else 2 if piece.endswith(_LINE) else piece.endswith(b"\r"))
        self._rest = piece[end:]
        self._kept.write(piece[:end].replace(_STUFFED, _LINE)[self._skip :])
        self._skip = 0

    def content(self) -> bytes:
        """The message."""
        return self._kept.getvalue()
