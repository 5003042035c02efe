"""The octets of a message as they come behind DATA (RFC 5321 §4.5.2)."""

from __future__ import annotations

from io import BytesIO

_LINE = b"\r\n"
_STUFFED = b"\r\n."
_END = b"\r\n.\r\n"
_BEGUN = tuple(_END[:length] for length in range(len(_END) - 1, 0, -1))
"""What may be the beginning of the end."""


class Body:
    """Finds the end, and takes dots out, while it grows: a large message is never copied as a whole, for BytesIO gives
    away what it holds. A dot is looked for first: the octets of a file in base64 have none.
    """

    def __init__(self) -> None:
        self.octets = 0
        """So many came, with stuffed dots and the end."""
        self.ended = False
        self._kept = BytesIO()
        self._rest = _LINE  # so that the first line may be the dot, too; later the last octets, if they may begin a dot
        self._skip = len(_LINE)

    def add(self, chunk: bytes) -> bytes:
        """Take the next octets; those behind the end of the message are given back.

        Only CRLF ends a line: a bare LF before a dot ends nothing (SMTP smuggling).
        """
        piece = self._rest + chunk
        dot = piece.find(b".")
        end = piece.find(_END, max(0, dot - len(_LINE))) if dot >= 0 else -1
        self.ended = end >= 0
        if self.ended:
            end, behind = end + len(_LINE), piece[end + len(_END) :]
            self._rest = b""
        else:
            end, behind = len(piece) - next((len(b) for b in _BEGUN if piece.endswith(b)), 0), b""
            self._rest = piece[end:]
        self.octets += len(chunk) - len(behind)
        self._keep(piece, end)
        return behind

    def _keep(self, piece: bytes, end: int) -> None:
        last = max(self._skip, piece.rfind(b".", 0, end) + 1)
        self._kept.write(piece[:last].replace(_STUFFED, _LINE)[self._skip :])
        with memoryview(piece) as octets:
            self._kept.write(octets[last:end])
        self._skip = max(0, self._skip - end)

    def forget(self) -> None:
        """Keep nothing of what came: only the end is of interest."""
        self._kept = BytesIO()

    def content(self) -> bytes:
        """The message."""
        return self._kept.getvalue()
