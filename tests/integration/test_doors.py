"""The web port under clients that never finish, and the mail that must come in meanwhile; real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.config import ListenerSettings, Settings, WebSettings
from mailbot.errors import ConfigError
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose, descriptors
from mailbot.service.supervision import MailbotService
from tests.flow import hand_over, mail, settings

HALF = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
ASK = HALF + b"\r\n"
SLOW_BODY = (
    b"POST /aktywacja/x HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nhaslo="
)


@asynccontextmanager
async def running(
    folder: Path, roles: tuple[str, ...] = ("ingress", "web"), **web: object
) -> AsyncIterator[MailbotService]:
    chosen = settings(f"sqlite:///{folder}/mailbot.db", folder / "key", 1)
    page = replace(chosen.web, listen="127.0.0.1:0", attempts_per_minute=100_000, **web)  # type: ignore[arg-type]
    parts = compose.build(replace(chosen, web=page), rng=random.Random(1), resolver=StaticResolver({}))
    service = MailbotService(parts, roles)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def connect(service: MailbotService, said: bytes = b"") -> socket.socket:
    client = socket.create_connection(service.addresses["web"], timeout=20)
    client.sendall(said)
    return client


def hear(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            found += piece
    client.close()
    return found


def ask(service: MailbotService, said: bytes = ASK) -> bytes:
    """The whole answer to ``said``."""
    return hear(connect(service, said))


@contextlib.contextmanager
def crowd(service: MailbotService, count: int, said: bytes = HALF) -> Iterator[list[socket.socket]]:
    """``count`` connections that have said ``said`` and then nothing more."""
    clients: list[socket.socket] = []
    try:
        for n in range(count):
            if n % 40 == 39:
                time.sleep(0.02)  # a full queue of the kernel would keep us waiting for a second
            clients.append(connect(service))
            with contextlib.suppress(ConnectionError):
                clients[-1].sendall(said)
        yield clients
    finally:
        for client in clients:
            client.close()


@contextlib.contextmanager
def descriptors_at_most(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  # sockets are in the hands of the kernel: there is nothing to wait for
            await asyncio.sleep(0.02)


def web_connections(service: MailbotService) -> int:
    """As the kernel counts them in this process: sockets whose own port is the page's."""
    port = f"{service.addresses['web'][1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(row[1].endswith(f":{port}") and row[3] == "01" for row in rows)


@pytest.mark.parametrize(
    ("count", "said"), [(1100, HALF), (150, b""), (150, SLOW_BODY)], ids=["half a head", "silent", "half a form"]
)
async def test_a_crowd_that_never_finishes_keeps_nobody_out(tmp_path: Path, count: int, said: bytes) -> None:
    async with running(tmp_path) as service:

        def besiege() -> None:
            with crowd(service, count, said):
                for n in range(5):
                    assert hand_over(service.addresses["lmtp"][1], mail(name=f"m{n}"), rcpt_to=("a@helpdesk.example",))
                    assert ask(service).startswith(b"HTTP/1.1 200")
                assert web_connections(service) <= 64, "of one address"

        await asyncio.to_thread(besiege)


@pytest.mark.parametrize("said", [b"", HALF, SLOW_BODY, ASK[:-2] + b"X: " + b"a" * 3000])
async def test_a_connection_that_does_not_ask_is_closed(tmp_path: Path, said: bytes) -> None:
    async with running(tmp_path, ("web",), request_seconds=0.3) as service:
        begun = time.monotonic()
        assert await asyncio.to_thread(ask, service, said) == b""
        assert time.monotonic() - begun < 10


async def test_a_drop_now_and_then_is_no_asking(tmp_path: Path) -> None:
    """Each octet used to begin the waiting anew."""
    async with running(tmp_path, ("web",), request_seconds=0.5) as service:

        def drip() -> float:
            client, begun = connect(service), time.monotonic()
            with contextlib.suppress(ConnectionError):
                while time.monotonic() - begun < 20:
                    client.sendall(b"G")
                    time.sleep(0.05)
            client.close()
            return time.monotonic() - begun

        assert await asyncio.to_thread(drip) < 10


async def test_the_oldest_goes_that_does_not_ask(tmp_path: Path) -> None:
    async with running(tmp_path, ("web",), connections=3) as service:
        with crowd(service, 3) as clients:
            await until(lambda: web_connections(service) == 3)
            assert (await asyncio.to_thread(ask, service)).startswith(b"HTTP/1.1 200")
            assert await asyncio.to_thread(hear, clients[0]) == b""
            clients[1].sendall(b"\r\n")
            assert (await asyncio.to_thread(hear, clients[1])).startswith(b"HTTP/1.1 200"), "who was there is served"


async def test_when_all_are_at_work_one_more_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, ("web",), connections=2) as service:
        begun, go_on = 0, asyncio.Event()

        async def slow(*_: object) -> None:
            nonlocal begun
            begun += 1
            await go_on.wait()

        monkeypatch.setattr(service.parts.database, "read", slow)
        path = b"GET /aktywacja/x HTTP/1.1\r\nHost: x\r\n\r\n"
        with crowd(service, 2, path) as clients:
            await until(lambda: begun == 2)
            assert (await asyncio.to_thread(ask, service)).startswith(b"HTTP/1.1 503")
            go_on.set()
            for client in clients:
                assert (await asyncio.to_thread(hear, client)).startswith(b"HTTP/1.1 404")
        assert (await asyncio.to_thread(ask, service)).startswith(b"HTTP/1.1 200")


async def test_a_proxy_brings_many(tmp_path: Path) -> None:
    async with running(tmp_path, ("web",), connections_per_client=2, trusted_proxy=("127.0.0.1",)) as service:
        with crowd(service, 20):
            await until(lambda: web_connections(service) == 20)
    for others in ((), ("192.0.2.1",)):
        async with running(tmp_path, ("web",), connections_per_client=2, trusted_proxy=others) as service:
            with crowd(service, 20):
                await until(lambda: web_connections(service) == 2)


async def test_who_does_not_finish_holds_up_no_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, ("web",), request_seconds=60.0) as service:
        clients = [connect(service, said) for said in (b"", HALF, SLOW_BODY)]
        await until(lambda: web_connections(service) == 3)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert [hear(client) for client in clients] == [b""] * 3
    assert "web.failure" not in caplog.text, "a client that went is no failure of ours"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /livez HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
        (b"GET /livez HTTP/1.1\r\n\r\n", b"HTTP/1.0 400"),
        (ASK * 50, b"HTTP/1.1 200"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"HTTP/1.0 400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.0 400"),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 2000 + b"\r\n", b"HTTP/1.0 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", b"HTTP/1.0 400"),
        (b"POST /aktywacja/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.0 400"),
        (SLOW_BODY.replace(b"900", b"90006") + b"x" * 90_000, b"HTTP/1.1 413"),
    ],
)
async def test_odd_requests_get_one_answer_and_the_end(tmp_path: Path, said: bytes, status: bytes) -> None:
    async with running(tmp_path, ("web",)) as service:
        answer = await asyncio.to_thread(ask, service, said)
        assert answer.startswith(status)
        assert answer.count(b"HTTP/1.") == 1, "one request a connection"
        assert b"aiohttp" not in answer
        assert b"aaaa" not in answer, "nothing is quoted"
        await until(lambda: web_connections(service) == 0)


async def test_without_descriptors_the_log_stays_small(tmp_path: Path) -> None:
    """A crowd larger than the limit of files: it is said once, mail goes on as soon as there is one again."""
    async with running(tmp_path, request_seconds=1.0) as service:
        failures: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["message"]))
        held = [socket.socket() for _ in range(20)]
        with descriptors_at_most(max(each.fileno() for each in held) + 2):
            with contextlib.suppress(OSError):
                while True:
                    held.append(socket.socket())
            waiting = held.pop()
            waiting.connect(service.addresses["web"])
            await until(lambda: bool(failures))
        for each in held:
            each.close()
        waiting.close()
        assert set(failures) == {"socket.accept() out of system resource"}
        await until(lambda: web_connections(service) == 0)
        assert await asyncio.to_thread(hand_over, service.addresses["lmtp"][1], mail(), rcpt_to=("a@helpdesk.example",))


BOTH = replace(Settings(), lmtp=ListenerSettings("127.0.0.1:1"), web=WebSettings(connections=256))
"""Reserved: 400 for the house and LMTP, 100 for a burst at the page's door."""


@pytest.mark.parametrize(
    ("soft", "hard", "roles", "left"),
    [
        (1024, 4096, ("ingress", "web"), 256),
        (300, 4096, ("ingress", "web"), 256),
        (300, 4096, ("ingress",), 0),
        (600, 600, ("ingress", "web"), 100),
        (600, 600, ("web",), 256),
        (510, 510, ("ingress", "web"), None),
        (399, 399, ("ingress",), None),
    ],
)
def test_the_page_gets_what_the_rest_leaves(
    soft: int, hard: int, roles: tuple[str, ...], left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits[0]))
    if left is None:
        with pytest.raises(ConfigError, match=f"open files is {hard}; mend: "):
            descriptors.reserve(BOTH, roles)
        return
    assert descriptors.reserve(BOTH, roles) == left
    assert all(limit <= hard for limit in raised)
    assert bool(raised) is (soft < 400)
