"""Our SMTP and LMTP servers over real sockets."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mailbot.config import ListenerSettings
from mailbot.errors import ConfigError
from mailbot.ingress.smtp import serve
from mailbot.model import Source
from tests.certificates import make
from tests.intake import NOW, SECRET, FailingDatabase, clock, messages, open_database, until

HELPDESK = "helpdesk@mailbot.example"
MAIL = "Subject: hasło\r\n\r\nZażółć\r\n.kropka\r\n..dwie\r\nkoniec\r\n".encode()


@dataclass
class Listener:
    database: FailingDatabase
    port: int
    stored: list[bool]

    async def raws(self) -> list[bytes]:
        return [message.raw for message in await messages(self.database)]


@asynccontextmanager
async def listening(
    folder: Path, source: Source = Source.SMTP, recipients: frozenset[str] | None = None, **changes: Any
) -> AsyncIterator[Listener]:
    stored: list[bool] = []
    async with open_database(folder) as database:
        settings = ListenerSettings(listen="127.0.0.1:0", **changes)
        server = await serve(settings, source, database, SECRET, clock, lambda: stored.append(True), recipients)
        try:
            yield Listener(database, server.sockets[0].getsockname()[1], stored)
        finally:
            server.close()


async def send(port: int, act: Callable[[smtplib.SMTP], object], *, lmtp: bool = False) -> Any:
    """Run ``act`` with a client of the standard library, in a thread."""

    def run() -> object:
        with (smtplib.LMTP if lmtp else smtplib.SMTP)("127.0.0.1", port, "client.example") as client:
            return act(client)

    return await asyncio.to_thread(run)


class Wire:
    """A bare socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def hear(self) -> str:
        """One reply, of any number of lines; "" at the end."""
        lines = []
        async with asyncio.timeout(60):
            while line := (await self.reader.readline()).decode():
                lines.append(line)
                if line[3:4] != "-":
                    break
        return "".join(lines)

    async def do(self, *commands: bytes) -> str:
        for command in commands:
            await self.say(command + b"\r\n")
            reply = await self.hear()
        return reply


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = Wire(reader, writer)
    await connection.hear()
    try:
        yield connection
    finally:
        writer.close()


TRANSACTION = (b"MAIL FROM:<jan@sender.example>", b"RCPT TO:<helpdesk@mailbot.example>", b"DATA")


async def test_the_message_is_stored_as_it_is_with_its_envelope(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        await send(listener.port, lambda client: client.sendmail("jan@sender.example", [HELPDESK, "x@y.example"], MAIL))
        (message,) = await messages(listener.database)
        assert message.raw == MAIL
        envelope = message.envelope
        assert (envelope.source, envelope.mail_from) == (Source.SMTP, "jan@sender.example")
        assert (envelope.rcpt_to, envelope.peer) == ((HELPDESK, "x@y.example"), "127.0.0.1")
        assert envelope.helo == "client.example"
        assert message.received_at == NOW
        assert listener.stored == [True]


async def test_what_is_offered(tmp_path: Path) -> None:
    async with listening(tmp_path, max_size=1234) as listener, wire(listener.port) as client:
        offer = await client.do(b"EHLO client.example")
    assert [line[4:].strip() for line in offer.splitlines()[1:]] == ["SIZE 1234", "8BITMIME", "SMTPUTF8", "PIPELINING"]


async def test_the_number_is_told(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        await client.do(b"EHLO c", *TRANSACTION)
        assert await client.do(b"Subject: x\r\n\r\n.") == "250 2.0.0 stored as 1\r\n"


async def test_the_null_sender(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        await send(listener.port, lambda client: client.sendmail("", [HELPDESK], MAIL))
        (message,) = await messages(listener.database)
        assert message.envelope.mail_from == ""


async def test_smtputf8_and_octets_that_are_no_utf8(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        await client.do(b"EHLO c", "MAIL FROM:<józef@źródło.example> SMTPUTF8".encode(), *TRANSACTION[1:])
        assert (await client.do(b"a\r\n.")).startswith("250")
        await client.do(b"EHLO \xb6\x00x", b"MAIL FROM:<j\xf3zef@sender.example>", *TRANSACTION[1:])
        assert (await client.do(b"b\r\n.")).startswith("250")
        first, second = await messages(listener.database)
        assert first.envelope.mail_from == "józef@źródło.example"
        assert second.envelope.mail_from == "j\ufffdzef@sender.example"
        assert second.envelope.helo == "\ufffd\ufffdx"


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("helpdesk@mailbot.example", "250"),
        ("HelpDesk@MAILBOT.example", "250"),
        ("helpdesk+ZGL0000001@mailbot.example", "250"),
        ("bounces+1.abcdef@mailbot.example", "250"),
        ("someone@mailbot.example", "550"),
        ("helpdesk@mailbot.example.evil.example", "550"),
        ("+helpdesk@mailbot.example", "550"),
        ("helpdesk", "550"),
    ],
)
async def test_mail_is_taken_only_for_those_we_know(tmp_path: Path, recipient: str, code: str) -> None:
    known = frozenset({"Helpdesk@mailbot.example", "bounces@mailbot.example"})
    async with listening(tmp_path, recipients=known) as listener, wire(listener.port) as client:
        reply = await client.do(b"EHLO c", TRANSACTION[0], f"RCPT TO:<{recipient}>".encode())
    assert reply.startswith(code)


# ---------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("lmtp", [False, True])
async def test_while_the_database_fails_the_client_is_told_to_come_back(tmp_path: Path, lmtp: bool) -> None:
    source = Source.LMTP if lmtp else Source.SMTP
    async with listening(tmp_path, source) as listener, wire(listener.port) as client:
        listener.database.failures = 1
        await client.do(b"LHLO c" if lmtp else b"EHLO c", *TRANSACTION)
        assert await client.do(b"x\r\n.") == "451 4.3.0 temporary failure, try again later\r\n"
        assert await listener.raws() == []
        await client.do(*TRANSACTION)
        assert (await client.do(b"x\r\n.")).startswith("250")
        assert await listener.raws() == [b"x\r\n"]


async def test_a_commit_whose_answer_was_lost_makes_one_row(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        listener.database.lost_answers = 1
        await client.do(b"EHLO c", *TRANSACTION)
        assert await client.do(b"x\r\n.") == "451 4.3.0 temporary failure, try again later\r\n"
        await client.do(*TRANSACTION)
        assert (await client.do(b"x\r\n.")) == "250 2.0.0 stored as 1\r\n"
        assert await listener.raws() == [b"x\r\n"]


async def test_a_client_that_leaves_before_the_answer_is_served_all_the_same(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        for _ in range(2):
            async with wire(listener.port) as client:
                await client.do(b"EHLO c", *TRANSACTION)
                await client.say(b"x\r\n.\r\n")
        await until(lambda: listener.stored == [True])
        async with wire(listener.port) as client:
            await client.do(b"EHLO c", *TRANSACTION)
            assert (await client.do(b"x\r\n.")) == "250 2.0.0 stored as 1\r\n"
        assert await listener.raws() == [b"x\r\n"]
        assert listener.stored == [True]


async def test_a_broken_client_stores_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        async with wire(listener.port) as client:
            await client.do(b"EHLO c", *TRANSACTION)
            await client.say(b"Subject: half\r\n.\n")
        async with wire(listener.port) as client:
            assert (await client.do(b"NOOP")).startswith("250")
        assert await listener.raws() == []


async def test_no_syntax_of_an_address_is_a_permanent_failure_with_our_text(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        await client.do(b"EHLO c")
        for junk in (b"<", b"<@", b"<" + b"(" * 1900, b'<"', b"<a@[", b"", b"<a@b.example> X", b"<a@b.example> SIZE=x"):
            reply = await client.do(b"MAIL FROM:" + junk)
            assert "Error: (" not in reply
            assert reply[:1] in "45"
        assert (await client.do(TRANSACTION[0])).startswith("250")


# ------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("lmtp", [False, True])
async def test_a_message_too_big_is_552_once_for_each_recipient(tmp_path: Path, lmtp: bool) -> None:
    source = Source.LMTP if lmtp else Source.SMTP
    async with listening(tmp_path, source, max_size=100_000) as listener, wire(listener.port) as client:
        await client.do(b"LHLO c" if lmtp else b"EHLO c", *TRANSACTION[:2], TRANSACTION[1], b"DATA")
        await client.say(b"x" * 1_000_000 + b"\r\n.\r\nNOOP\r\n")
        replies = [await client.hear() for _ in range(3 if lmtp else 2)]
        assert [reply[:9] for reply in replies[:-1]] == ["552 5.3.4"] * (2 if lmtp else 1)
        assert replies[-1].startswith("250")
        assert (await client.do(b"MAIL FROM:<a@b.example> SIZE=100001")).startswith("552")
        assert await listener.raws() == []


async def test_exactly_the_largest_size_is_taken_and_lines_may_be_long(tmp_path: Path) -> None:
    body = b"x" * 99_998 + b"\r\n"
    async with listening(tmp_path, max_size=100_000) as listener:
        await send(listener.port, lambda client: client.sendmail("a@b.example", [HELPDESK], body))
        assert await listener.raws() == [body]


async def test_one_connection_too_many_is_421(tmp_path: Path) -> None:
    async with listening(tmp_path, max_connections=2) as listener:
        async with wire(listener.port) as first, wire(listener.port):
            await first.do(b"EHLO c")
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            assert (await reader.read()).startswith(b"421 4.3.2")
            writer.close()
            assert (await first.do(b"NOOP")).startswith("250")
            await first.do(b"QUIT")
            await first.hear()

        async def free() -> bool:
            async with wire(listener.port) as client:
                return (await client.do(b"EHLO c")).startswith("250")

        await until(free)


async def test_too_many_recipients_are_452(tmp_path: Path) -> None:
    async with listening(tmp_path, Source.LMTP) as listener, wire(listener.port) as client:
        await client.do(b"LHLO c", TRANSACTION[0], *[TRANSACTION[1]] * 1000)
        assert (await client.do(TRANSACTION[1])).startswith("452 4.5.3")


# -------------------------------------------------------------------------------------------------------------- LMTP


async def test_lmtp_answers_for_each_recipient_and_stores_one_message(tmp_path: Path) -> None:
    async with listening(tmp_path, Source.LMTP) as listener, wire(listener.port) as client:
        assert (await client.do(b"HELO c")).startswith("500")
        await client.do(
            b"LHLO c", TRANSACTION[0], b"RCPT TO:<a@mailbot.example>", b"RCPT TO:<b@mailbot.example>", b"DATA"
        )
        await client.say(b"x\r\n.\r\nQUIT\r\n")
        assert [(await client.hear())[:3] for _ in range(3)] == ["250", "250", "221"]
        (message,) = await messages(listener.database)
        assert message.envelope.rcpt_to == ("a@mailbot.example", "b@mailbot.example")
        assert message.envelope.source is Source.LMTP


# --------------------------------------------------------------------------------------------------- smuggling, pipes


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\n\r.\r\n"])
async def test_only_crlf_dot_crlf_ends_a_message(tmp_path: Path, end: bytes) -> None:
    smuggled = b"first" + end + b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<y@z.example>\r\nDATA\r\nsecond\r\n"
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        await client.do(b"EHLO c", *TRANSACTION)
        assert (await client.do(smuggled + b".")).startswith("250")
        (raw,) = await listener.raws()
        assert raw == smuggled.replace(b"\r\n.", b"\r\n")


async def test_a_pipelining_client_loses_nothing(tmp_path: Path) -> None:
    bodies = [b"number %d\r\n" % number for number in range(20)]
    stream = b"".join(b"\r\n".join(TRANSACTION) + b"\r\n" + body + b".\r\n" for body in bodies)
    async with listening(tmp_path) as listener, wire(listener.port) as client:
        await client.say(b"EHLO c\r\n" + stream + b"QUIT\r\n")
        while not (await client.hear()).startswith("221"):
            pass
        assert await listener.raws() == bodies


async def test_one_connection_does_not_shrink_the_limits_of_another(tmp_path: Path) -> None:
    """aiosmtpd keeps them in the class: a new connection reset those of all others."""
    long = b"MAIL FROM:<" + b"a" * 500 + b"@sender.example> BODY=8BITMIME SIZE=1"
    async with listening(tmp_path) as listener, wire(listener.port) as first:
        await first.do(b"EHLO c")
        async with wire(listener.port):
            pass
        assert (await first.do(long)).startswith("250")


# --------------------------------------------------------------------------------------------------------------- TLS


@asynccontextmanager
async def secure(folder: Path) -> AsyncIterator[tuple[Listener, ssl.SSLContext]]:
    files = make(folder)
    async with listening(folder, tls_certificate=str(files.certificate), tls_key=str(files.key)) as listener:
        yield listener, ssl.create_default_context(cafile=str(files.ca))


async def test_starttls(tmp_path: Path) -> None:
    def act(client: smtplib.SMTP) -> None:
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        client.sendmail("a@b.example", [HELPDESK], MAIL)

    async with secure(tmp_path) as (listener, context):
        await send(listener.port, act)
        assert await listener.raws() == [MAIL]


async def test_commands_in_clear_before_the_handshake_are_not_obeyed_after_it(tmp_path: Path) -> None:
    """RFC 3207 §4.2, CVE-2011-0411: what a man in the middle put behind STARTTLS is forgotten, the session too."""

    def last_lines(stream: Iterable[bytes]) -> Iterator[bytes]:
        return (line for line in stream if line[3:4] == b" ")

    def attack(port: int, context: ssl.SSLContext) -> list[bytes]:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            heard = last_lines(plain.makefile("rb", buffering=0))
            next(heard)
            plain.sendall(b"EHLO evil\r\n")
            next(heard)
            plain.sendall(b"STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")
            assert next(heard).startswith(b"220")
            with context.wrap_socket(plain, server_hostname="localhost") as tls, tls.makefile("rb") as stream:
                heard = last_lines(stream)
                replies = []
                for command in (b"MAIL FROM:<a@b.example>", b"EHLO c", b"RCPT TO:<c@d.example>", b"NOOP"):
                    tls.sendall(command + b"\r\n")
                    replies.append(next(heard)[:3])
                return replies

    async with secure(tmp_path) as (listener, context):
        replies = await asyncio.to_thread(attack, listener.port, context)
    assert replies[0] == b"503"  # the greeting was forgotten
    assert replies[-2:] == [b"503", b"250"]  # and no sender is known


async def test_a_certificate_that_is_renewed_is_shown_from_then_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As certbot does it: other files behind the same names, the key a moment later."""

    def serial(port: int) -> int:
        """Of the certificate that a client is shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.starttls(context=context)
            return x509.load_der_x509_certificate(client.sock.getpeercert(binary_form=True)).serial_number

    (tmp_path / "new").mkdir()
    old, new = make(tmp_path), make(tmp_path / "new")
    wanted = [x509.load_pem_x509_certificate(one.certificate.read_bytes()).serial_number for one in (old, new)]
    async with listening(tmp_path, tls_certificate=str(old.certificate), tls_key=str(old.key)) as listener:
        shown = [await asyncio.to_thread(serial, listener.port)]
        new.certificate.rename(old.certificate)
        shown.append(await asyncio.to_thread(serial, listener.port))
        assert "certificate-refused" in caplog.text
        new.key.rename(old.key)
        shown.append(await asyncio.to_thread(serial, listener.port))
        old.certificate.unlink()
        shown.append(await asyncio.to_thread(serial, listener.port))
    assert shown == [wanted[0], wanted[0], wanted[1], wanted[1]]


async def test_a_certificate_that_is_none_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mend:"):
        async with listening(tmp_path, tls_certificate=str(tmp_path / "none.pem"), tls_key="none"):
            pass
