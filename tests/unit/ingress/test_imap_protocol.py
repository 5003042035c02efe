"""The connection against a server that is slow, dies, lies or attacks."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.config import ImapSettings, Tls
from mailbot.errors import MailboxUnavailable
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import CommandRefused, ImapProtocol
from tests.certificates import make
from tests.imap_fake import FakeImap, Say

_HANG = 60  # a command that hangs waits this long: no test does


@pytest.fixture
async def server() -> AsyncIterator[FakeImap]:
    async with FakeImap({1: b"a\r\n\r\nb"}).listening() as fake:
        yield fake


def settings(server: FakeImap, tls: Tls = "plain", ca: str = "") -> ImapSettings:
    return ImapSettings("localhost", server.port, tls, ca, "user", timeout_seconds=_HANG, max_size=1000)


async def opened(server: FakeImap) -> ImapConnection:
    connection = await ImapConnection.open(settings(server))
    await connection.login_password("user", "password")
    await connection.open_folder("INBOX")
    return connection


async def test_a_message_is_read(server: FakeImap) -> None:
    connection = await opened(server)
    assert await connection.search_after(0) == [1]
    assert await connection.search_after(1) == []  # "2:*" names message 1
    assert (await connection.fetch_items([1], "(UID BODY.PEEK[])"))[1]["BODY[]"] == b"a\r\n\r\nb"


async def test_five_thousand_lines_in_one_answer(server: FakeImap) -> None:
    server.messages = dict.fromkeys(range(1, 5001), b"x")
    connection = await opened(server)
    connection._max_response = 2**22
    assert len(await connection.fetch_items(range(1, 5001), "(UID RFC822.SIZE INTERNALDATE)")) == 5000


async def test_user_and_password_are_quoted(server: FakeImap) -> None:
    connection = await ImapConnection.open(settings(server))
    await connection.login_password('jan "kowalski', "pa\\ss")
    assert server.asked("LOGIN") == ['LOGIN "jan \\"kowalski" "pa\\\\ss"']
    with pytest.raises(MailboxUnavailable, match="CR and LF"):
        await connection.login_password("jan", "a\r\nA1 DELETE INBOX")


async def test_a_polish_password_is_no_quoted_string(server: FakeImap) -> None:
    """RFC 3501 §9: those have seven bits."""
    connection = await ImapConnection.open(settings(server))
    await connection.login_password("jan", 'żółć "{7}')
    assert server.asked("LOGIN") == ["LOGIN {3}"]
    assert server.literals == [b"jan", 'żółć "{7}'.encode()]


@pytest.mark.parametrize("more", ["SASL-IR", "SASL-IR LOGINDISABLED"])
async def test_a_polish_password_goes_by_sasl_where_it_can(server: FakeImap, more: str) -> None:
    server.capabilities = f"IMAP4rev1 AUTH=PLAIN {more}"
    connection = await ImapConnection.open(settings(server))
    await connection.login_password("jan", "żółć")
    assert b64encode("\0jan\0żółć".encode()).decode() in " ".join(server.commands)
    assert server.asked("LOGIN") == []


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR", "IMAP4rev1"])
async def test_a_bad_token_does_not_hang(server: FakeImap, capabilities: str) -> None:
    server.capabilities = capabilities
    challenge = b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"
    if "SASL-IR" in capabilities:
        server.script = [Say("AUTHENTICATE", challenge + b"%t NO bad token\r\n")]
    else:
        server.script = [Say("AUTHENTICATE", b"+ \r\n" + challenge + b"%t NO bad token\r\n")]
    connection = await ImapConnection.open(settings(server))
    with pytest.raises(CommandRefused, match="NO bad token"):
        await connection.login_token("user", "token")
    assert ("XOAUTH2 " in server.asked("AUTHENTICATE")[0]) == ("SASL-IR" in capabilities)


async def test_login_is_not_tried_where_it_is_forbidden(server: FakeImap) -> None:
    server.capabilities = "IMAP4rev1 LOGINDISABLED"
    connection = await ImapConnection.open(settings(server))
    with pytest.raises(MailboxUnavailable, match="LOGINDISABLED"):
        await connection.login_password("user", "password")
    assert server.asked("LOGIN") == []


async def fetch(connection: ImapConnection) -> None:
    await connection.fetch_items([1], "(UID BODY.PEEK[])")


async def idle(connection: ImapConnection) -> None:
    await connection.wait(_HANG)


@pytest.mark.parametrize(
    ("step", "act"),
    [
        pytest.param(Say("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {900}\r\nonly half", "cut"), fetch, id="cut mid-FETCH"),
        pytest.param(Say("UID FETCH", b"", "cut"), fetch, id="cut before the answer"),
        pytest.param(Say("IDLE", b"+ idling\r\n", "cut"), idle, id="cut in IDLE"),
        pytest.param(Say("IDLE", b"", "cut"), idle, id="cut before IDLE began"),
        pytest.param(Say("IDLE", b"+ idling\r\n* BYE going down\r\n", "hang"), idle, id="BYE in IDLE"),
        pytest.param(Say("UID FETCH", b"* BYE\r\n", "hang"), fetch, id="BYE"),
        pytest.param(Say("UID FETCH", b"\xff\xfe\x00 junk\r\n", "hang"), fetch, id="junk"),
        pytest.param(Say("UID FETCH", b"A999 OK not yours\r\n", "hang"), fetch, id="another's tag"),
        pytest.param(Say("UID FETCH", b"* 1 FETCH (BODY[] {99999999999}\r\n", "hang"), fetch, id="a vast literal"),
        pytest.param(Say("UID FETCH", (b"* " + b"x" * 1000 + b"\r\n") * 20_000, "hang"), fetch, id="an endless answer"),
    ],
)
async def test_a_lost_connection_wakes_who_waits(server: FakeImap, step: Say, act: Callable[..., object]) -> None:
    server.script = [step]
    connection = await opened(server)
    async with asyncio.timeout(_HANG / 2):
        with pytest.raises(MailboxUnavailable):
            await act(connection)  # type: ignore[misc]
        with pytest.raises(MailboxUnavailable, match="not connected"):
            await connection.search_after(0)


@pytest.mark.parametrize(
    ("step", "act"),
    [
        (Say("UID FETCH", b"", "hang"), fetch),
        (Say("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {900}\r\nonly half", "hang"), fetch),
        (Say("IDLE", b"", "hang"), idle),
    ],
)
async def test_a_silent_server_is_given_up(server: FakeImap, step: Say, act: Callable[..., object]) -> None:
    server.script = [step]
    connection = await opened(server)
    connection._timeout = 0.1
    with pytest.raises(MailboxUnavailable, match="no answer in time"):
        await act(connection)  # type: ignore[misc]
    with pytest.raises(MailboxUnavailable, match="not connected"):
        await connection.search_after(0)


async def test_a_cancelled_command_drops_the_connection(server: FakeImap) -> None:
    server.script = [Say("UID FETCH", b"", "hang")]
    connection = await opened(server)
    task = asyncio.create_task(connection.fetch_items([1], "(UID)"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(MailboxUnavailable, match="not connected"):
        await connection.search_after(0)


async def test_a_refusal_leaves_the_connection_good(server: FakeImap) -> None:
    server.script = [Say("UID FETCH", b"%t NO [SERVERBUG] {7}\r\n"), Say("IDLE", b"%t BAD unknown\r\n")]
    connection = await opened(server)
    with pytest.raises(CommandRefused, match="SERVERBUG"):
        await fetch(connection)
    await connection.wait(_HANG)
    assert not connection.has("IDLE")
    assert await connection.search_after(0) == [1]


async def test_idle_ends_when_a_message_arrives_and_polling_works_without_it(server: FakeImap) -> None:
    connection = await opened(server)
    await connection.search_after(0)
    waiting = asyncio.create_task(connection.wait(_HANG))
    while not server._idlers:  # noqa: ASYNC110  # the fake has no event for it
        await asyncio.sleep(0.005)
    server.deliver(2, b"new")
    await asyncio.wait_for(waiting, _HANG / 2)
    assert connection.arrived
    connection.capabilities.discard("IDLE")
    connection.arrived = False
    await connection.wait(0.01)
    assert server.commands[-1] == "NOOP"


# ------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[FakeImap, str]]:
    files = make(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    async with FakeImap(capabilities="IMAP4rev1 STARTTLS", tls=context).listening() as fake:
        yield fake, str(files.ca)


async def test_starttls(secure: tuple[FakeImap, str]) -> None:
    server, ca = secure
    connection = await ImapConnection.open(settings(server, "starttls", ca))
    assert server.commands == ["CAPABILITY", "STARTTLS", "CAPABILITY"]  # nothing heard in clear is kept
    await connection.login_password("user", "password")
    connection.abort()


@pytest.mark.parametrize(
    ("reason", "step", "greeting"),
    [
        ("does not offer", Say("CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n%t OK\r\n"), b"* OK\r\n"),
        ("STARTTLS: NO", Say("STARTTLS", b"%t NO not now\r\n"), b"* OK\r\n"),
        ("STARTTLS: BAD", Say("STARTTLS", b"%t BAD what\r\n"), b"* OK\r\n"),
        ("in clear between", Say("STARTTLS", b"%t OK go\r\n* CAPABILITY IMAP4rev1 LOGIN\r\n", "hang"), b"* OK\r\n"),
        ("in clear between", Say("STARTTLS", b"%t OK go\r\n* CAPA", "hang"), b"* OK\r\n"),
        ("STARTTLS: ", Say("STARTTLS", b"%t OK go\r\n", "cut"), b"* OK\r\n"),
        ("PREAUTH", Say("nothing"), b"* PREAUTH welcome\r\n"),
    ],
)
async def test_without_tls_there_is_no_login(
    secure: tuple[FakeImap, str], reason: str, step: Say, greeting: bytes
) -> None:
    server, ca = secure
    server.greeting = greeting
    server.script = [step]
    with pytest.raises(MailboxUnavailable, match=reason):
        await ImapConnection.open(settings(server, "starttls", ca))
    assert server.asked("LOGIN") == []


@pytest.mark.parametrize("tls", ["imaps", "starttls"])
async def test_an_unknown_authority_is_not_trusted(secure: tuple[FakeImap, str], tls: Tls) -> None:
    server, _ = secure
    with pytest.raises(MailboxUnavailable):
        await ImapConnection.open(settings(server, tls))
    assert server.asked("LOGIN") == []


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n", b"* BYE full\r\n", b"x" * 1000 + b"\r\n"])
async def test_a_server_that_does_not_greet(server: FakeImap, greeting: bytes) -> None:
    server.greeting = greeting
    with pytest.raises(MailboxUnavailable):
        await ImapConnection.open(settings(server))


async def test_in_clear_only_to_loopback(server: FakeImap) -> None:
    """Also when "localhost" is not what its name says."""

    class Elsewhere:
        def get_extra_info(self, name: str) -> tuple[str, int]:
            return ("192.0.2.1", 143)

    connection = ImapConnection(1, 1000)
    connection.transport = Elsewhere()  # type: ignore[assignment]
    with pytest.raises(MailboxUnavailable, match="loopback only"):
        await connection._greet(settings(server), None)


async def test_nobody_listens() -> None:
    with pytest.raises(MailboxUnavailable):
        await ImapConnection.open(ImapSettings("127.0.0.1", 1, "plain", user="u"))


# --------------------------------------------------------------------------------------------------------- framing


class Recorder(ImapProtocol):
    """Keeps the responses."""

    seen: list[list[bytes]]

    def _respond(self, parts: list[bytes | bytearray]) -> None:
        self.seen.append([bytes(part) for part in parts])


STREAM = (
    b"* OK text may end like a literal {5}\r\n"
    b"* 1 FETCH (UID 1 BODY[] {12}\r\nA1 OK\r\n* 2\r\n FLAGS (\\Seen) X {0}\r\n)\r\n"
    b"+ go {3}\r\nA1 OK done {9}\r\n* SEARCH 1 2\r\n"
)
RESPONSES = [
    [b"* OK text may end like a literal {5}"],
    [b"* 1 FETCH (UID 1 BODY[] {12}", b"A1 OK\r\n* 2\r\n", b" FLAGS (\\Seen) X {0}", b"", b")"],
    [b"+ go {3}"],
    [b"A1 OK done {9}"],
    [b"* SEARCH 1 2"],
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_responses_do_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    async def run() -> None:
        protocol = Recorder(1, 10**6)
        protocol.seen = []
        edges = [0, *sorted(cuts), len(STREAM)]
        for start, end in itertools.pairwise(edges):
            protocol.data_received(STREAM[start:end])
        assert protocol.seen == RESPONSES

    asyncio.run(run())
