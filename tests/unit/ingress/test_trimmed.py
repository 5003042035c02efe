"""Our trimmed server says what aiosmtpd's own machinery says, to the octet, in fewer writes."""

from __future__ import annotations

import asyncio

import pytest
from aiosmtpd.smtp import SMTP

from mailbot.config import ListenerSettings
from mailbot.ingress import smtp
from tests.unit.ingress.test_data_reader import Handler, Transport


class _Plain:
    """Undoes what is trimmed."""

    push = SMTP.push
    _reset_timeout = SMTP._reset_timeout
    _timeout_cb = SMTP._timeout_cb

    def _trim(self) -> None: ...


class PlainSmtp(_Plain, smtp._BulkServer): ...


class PlainLmtp(_Plain, smtp._LmtpServer): ...


class Counting(Transport):
    writes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        super().write(data)
        self.writes += 1


MAIL, RCPT, DATA = b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n"
BODY = b"Subject: x\r\n\r\n..dot\r\n.\r\n"
WHOLE = b"EHLO c\r\n" + MAIL + RCPT + DATA + BODY

DIALOGUES = {
    "all at once": WHOLE,
    "twice": WHOLE + MAIL + RCPT + DATA + BODY,
    "no greeting": MAIL + RCPT + DATA + b"NOOP\r\n",
    "HELO": b"HELO c\r\n" + MAIL + RCPT + DATA + BODY,
    "HELO and parameters": b"HELO c\r\nMAIL FROM:<a@b.example> SIZE=1\r\n",
    "EHLO without a name": b"EHLO\r\nEHLO \r\nHELO\r\n",
    "EHLO again forgets": b"EHLO c\r\n" + MAIL + RCPT + b"EHLO d\r\n" + RCPT + DATA,
    "LHLO": b"LHLO c\r\n" + MAIL + RCPT * 3 + DATA + BODY + b"QUIT\r\n",
    "RSET forgets": b"EHLO c\r\n" + MAIL + RCPT + b"RSET\r\n" + DATA + RCPT + b"RSET x\r\n",
    "nested MAIL": b"EHLO c\r\n" + MAIL + MAIL + RCPT,
    "RCPT before MAIL": b"EHLO c\r\n" + RCPT + MAIL + DATA,
    "no recipient": b"EHLO c\r\n" + MAIL + DATA + b"not data\r\n.\r\n",
    "DATA with an argument": b"EHLO c\r\n" + MAIL + RCPT + b"DATA x\r\n",
    "null sender": b"EHLO c\r\nMAIL FROM:<>\r\n" + RCPT + DATA + BODY,
    "8BITMIME": b"EHLO c\r\nMAIL FROM:<a@b.example> BODY=8BITMIME SIZE=10\r\n" + RCPT + DATA + b"\xff\xfe\r\n.\r\n",
    "bad BODY": b"EHLO c\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\n" + RCPT,
    "SMTPUTF8": "EHLO c\r\nMAIL FROM:<józef@źródło.example> SMTPUTF8\r\n".encode() + RCPT + DATA + BODY,
    "SMTPUTF8 with a value": b"EHLO c\r\nMAIL FROM:<a@b.example> SMTPUTF8=1\r\n",
    "octets that are no UTF-8": b"EHLO \xff\r\nMAIL FROM:<\xe9@b.example>\r\n" + RCPT + b"\xff\xff x\r\n",
    "SIZE too large": b"EHLO c\r\nMAIL FROM:<a@b.example> SIZE=99999999\r\n" + RCPT,
    "SIZE that is none": b"EHLO c\r\nMAIL FROM:<a@b.example> SIZE=x\r\nMAIL FROM:<a@b.example> SIZE\r\n",
    "SIZE in other digits": "EHLO c\r\nMAIL FROM:<a@b.example> SIZE=²\r\n".encode() + MAIL,
    "SIZE twice": b"EHLO c\r\nMAIL FROM:<a@b.example> SIZE=99999999 SIZE=1\r\n" + RCPT + DATA + BODY,
    "declared small, sent big": b"EHLO c\r\nMAIL FROM:<a@b.example> SIZE=1\r\n" + RCPT + DATA
    + b"x" * 999 + b"\r\n.\r\n",
    "unknown parameters": b"EHLO c\r\nMAIL FROM:<a@b.example> X=1\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\n",
    "odd paths": b"EHLO c\r\nMAIL FROM: <a@b.example>\r\nMAIL FROM:a@b.example\r\nRSET\r\n"
    b"MAIL FROM:<@x:a@b.example>\r\n"
    b"RSET\r\nMAIL FROM:<\r\nMAIL FROM:\r\nMAIL\r\nMAIL FROM:<a b@c>\r\nRCPT TO:<(\r\nRCPT\r\n",
    "small letters": b"ehlo c\r\nmail from:<a@b.example>\r\nrcpt to:<c@d.example>\r\ndata\r\n" + BODY,
    "bare LF ends commands": b"EHLO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n" + BODY,
    "bare CR ends nothing": b"EHLO c\rMAIL FROM:<a@b.example>\r\nNOOP\r\n",
    "smuggled by LF": WHOLE[:-5] + b"\n.\nMAIL FROM:<e@v.example>\n" + RCPT + DATA + b"x\r\n.\r\n",
    "smuggled by LF and CRLF": WHOLE[:-5] + b"\n.\r\n" + MAIL + RCPT + b"\r\n.\nQUIT\r\n\r\n.\r\n",
    "smuggled by CR": WHOLE[:-5] + b"\r.\r" + MAIL + b"\r\n.\r\n",
    "empty lines": b"\r\n\n\r\r\nEHLO c\r\n\r\n",
    "spaces": b" EHLO c\r\nEHLO  c \r\nNOOP   \r\nMAIL  FROM:<a@b.example>\r\n",
    "NUL": b"EHLO c\0d\r\nMAIL FROM:<a\0@b.example>\r\n\0\r\n",
    "a long command": b"EHLO c\r\nMAIL FROM:<" + b"a" * 3000 + b"@b.example>\r\nNOOP " + b"x" * 3000 + b"\r\nNOOP\r\n",
    "a line longer than the buffer": b"EHLO c\r\nNOOP " + b"x" * 200_000 + b"\r\nNOOP\r\n",
    "a long line in a group": b"EHLO c\r\n" + MAIL + b"RCPT TO:<" + b"x" * 70_000 + b"@d.example>\r\n"
    + RCPT + DATA + BODY,
    "unknown commands": b"EHLO c\r\n" + b"HELLO\r\n" * 5 + b"NOOP\r\n",
    "unknown in a group": b"EHLO c\r\n" + MAIL + b"XCLIENT a=b\r\n" + RCPT + b"BDAT 1 LAST\r\n" + DATA + BODY,
    "the rest": b"HELP\r\nHELP MAIL\r\nHELP STARTTLS\r\nEHLO c\r\nHELP MAIL\r\nVRFY <a@b.example>\r\nVRFY\r\n"
    b"EXPN x\r\nNOOP x\r\n",
    "STARTTLS where there is none": b"EHLO c\r\nSTARTTLS\r\nSTARTTLS x\r\n" + MAIL,
    "AUTH": b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nAUTH\r\nAUTH LOGIN\r\n",
    "QUIT in a group": b"EHLO c\r\n" + MAIL + RCPT + b"QUIT\r\n" + DATA + BODY,
    "QUIT with an argument": b"EHLO c\r\nQUIT x\r\n" + MAIL,
    "many recipients": b"EHLO c\r\n" + MAIL + RCPT * 1001 + DATA + BODY,
    "half a line behind a group": b"EHLO c\r\n" + MAIL + RCPT + b"DAT",
}  # fmt: skip


async def talk(server: SMTP, wire: bytes, size: int) -> tuple[bytes, bool, int]:
    """What the server says to ``wire`` in pieces of ``size``, whether it hangs up, and in how many writes."""
    transport = Counting()
    server.connection_made(transport)
    for start in range(0, len(wire), size):
        server.data_received(wire[start : start + size])
        for _ in range(4):
            await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    server.connection_lost(None)
    await asyncio.gather(server._handler_coroutine, return_exceptions=True)  # type: ignore[arg-type]
    return transport.said, transport.closed.is_set(), transport.writes


PIECES = [(name, size) for name in DIALOGUES for size in (10**9, 1000, 30, 7) if len(DIALOGUES[name]) / size < 3_000]


@pytest.mark.parametrize("lmtp", [False, True], ids=["smtp", "lmtp"])
@pytest.mark.parametrize(("name", "size"), PIECES)
async def test_the_same_is_said(name: str, size: int, lmtp: bool) -> None:
    wire = DIALOGUES[name]
    if lmtp:
        wire = wire.replace(b"EHLO c", b"LHLO c")
    ours, theirs = Handler(), Handler()
    settings = ListenerSettings(max_size=500)
    server, plain = (smtp._LmtpServer, PlainLmtp) if lmtp else (smtp._BulkServer, PlainSmtp)
    said, closed, writes = await talk(server(ours, settings, None), wire, size)
    expected = await talk(plain(theirs, settings, None), wire, size)
    assert (said, closed) == expected[:2]
    assert ours.contents == theirs.contents
    assert writes <= expected[2]


async def test_a_group_is_answered_in_one_write() -> None:
    """RFC 2920 §3.2; the greetings apart, MAIL, RCPT and DATA are one write, and what follows DATA another."""
    greeting = await talk(smtp._BulkServer(Handler(), ListenerSettings(), None), b"EHLO c\r\n", 10**9)
    whole = await talk(smtp._BulkServer(Handler(), ListenerSettings(), None), WHOLE, 10**9)
    assert (greeting[2], whole[2]) == (2, 4)


async def test_a_reply_never_waits_for_what_has_not_come() -> None:
    """RFC 2920 §3.2 (5): half a command behind a group holds nothing back."""
    said, *_ = await talk(
        smtp._BulkServer(Handler(), ListenerSettings(), None), b"EHLO c\r\n" + MAIL + b"RCPT T", 10**9
    )
    assert said.endswith(b"250 OK\r\n")
