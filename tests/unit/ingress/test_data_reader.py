"""Our DATA reader gives the same bytes and the same verdict as aiosmtpd's own, however the stream is cut."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import example, given
from hypothesis import strategies as st

from mailbot.config import ListenerSettings
from mailbot.errors import ConfigError
from mailbot.ingress import smtp
from mailbot.model import Source

_LIMIT = 200


class Handler(smtp.InboxHandler):
    """Keeps what would be stored."""

    def __init__(self) -> None:
        self.connections = set()
        self._recipients = None
        self._source = Source.SMTP
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        content = envelope.original_content  # type: ignore[attr-defined]
        self.contents.append(content)
        return "250 OK"


class Transport(asyncio.Transport):
    """Keeps what the server says."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.closed.set()

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool:
        return self.closed.is_set()


class Stock(SMTP):
    """aiosmtpd's reader with the limits of ours."""

    line_length_limit = 65536


async def talk(server: SMTP, chunks: Sequence[bytes]) -> list[bytes]:
    """Feed a whole session; returns the codes of the replies."""
    transport = Transport()
    server.connection_made(transport)
    server.data_received(b"EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
    for chunk in (*chunks, b"NOOP\r\nQUIT\r\n"):
        for _ in range(3):
            await asyncio.sleep(0)
        server.data_received(chunk)
    await transport.closed.wait()
    server.connection_lost(None)
    return [line[:3] for line in transport.said.split(b"\r\n") if line and line[3:4] != b"-"]


async def both(wire: bytes, cuts: Sequence[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    chunks = [wire[start:end] for start, end in itertools.pairwise(edges)]
    ours, theirs = Handler(), Handler()
    settings = ListenerSettings(max_size=_LIMIT)
    own = await talk(smtp._BulkServer(ours, settings, None), chunks)
    loop = asyncio.get_running_loop()
    stock = await talk(Stock(theirs, data_size_limit=_LIMIT, enable_SMTPUTF8=True, loop=loop), chunks)
    assert ours.contents == theirs.contents
    assert own == stock


_PIECE = st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"..", b"\r\n.", b"x", b"\n.\n", b"\r.\r", b"abc", b"\xff\x00"])


@given(st.lists(_PIECE | st.binary(max_size=20), max_size=40), st.lists(st.integers(0, 400), max_size=6))
@example([b".\r\n"], [])
@example([b"."], [1])
@example([b".x\r\n"], [1])
@example([b"..x"], [1, 2, 3])
@example([b".\r"], [1, 2])
@example([b"\r\n..\r\n."], [1, 2, 3, 4, 5, 6])
@example([b"a\r\n.\r"], [2, 3, 4, 5])
@example([b"x" * (_LIMIT - 2)], [1])
@example([b"x" * (_LIMIT - 1)], [1])
def test_same_bytes_and_same_replies(pieces: list[bytes], cuts: list[int]) -> None:
    asyncio.run(both(b"".join(pieces) + b"\r\n.\r\n", cuts))


@pytest.mark.parametrize("size", [65534, 65535, 65536, 65537, 131072, 1_000_003])
async def test_messages_longer_than_the_buffer(size: int) -> None:
    handler = Handler()
    body = (b"y" * 70 + b"\r\n.") * (size // 73) + b"z" * (size % 73) + b"\r\n"
    server = smtp._BulkServer(handler, ListenerSettings(max_size=10**7), None)
    wire = body.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    await talk(server, [wire[start : start + 50_000] for start in range(0, len(wire), 50_000)])
    assert handler.contents == [body]


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:25", ("127.0.0.1", 25)), ("[::1]:0", ("::1", 0)), ("localhost:2525", ("localhost", 2525))],
)
def test_listen_address(listen: str, expected: tuple[str, int]) -> None:
    assert smtp.listen_address(listen) == expected


@pytest.mark.parametrize("listen", ["", "25", ":25", "host", "host:", "host:x", "host:65536", "::1:25", "[]:25", "h:٢"])
def test_a_bad_listen_address_names_the_mend(listen: str) -> None:
    with pytest.raises(ConfigError, match="mend:"):
        smtp.listen_address(listen)
