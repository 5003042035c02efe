"""Understanding in processes of their own gives what a thread gives, within bounds, whatever a mail does to it."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import pickle
import select
import signal
import socketserver
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from mailbot.config import ListenerSettings, Settings, WorkerSettings
from mailbot.errors import ConfigError, ReadingFailed, ResolverUnavailable, TemporaryError
from mailbot.flow.understand import Understander, unread
from mailbot.model import (
    REQUIRED_SUBJECT,
    ApplicationCheck,
    ApplicationState,
    AuthResult,
    Envelope,
    RawMessage,
    Source,
)
from mailbot.parsing.bounds import MESSAGE_MAX
from mailbot.secret import Secret
from mailbot.sender.resolver import Forbearing, RecordType, StaticResolver
from mailbot.service import compose
from mailbot.workers import shares, understand
from mailbot.workers.understand import Processes, _ByFields, _read, dumped, in_thread
from tests.citizens import build
from tests.flow import mail
from tests.support import ROOT
from tests.unit.workers.trouble import Trouble, asking, killed, refused

KEY = Secret(b"k" * 32)
WHEN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENTRY = {
    "id": "process",
    "sender": "Żaneta Wójcik <zaneta@poczta.example>",
    "auth": "pass",
    "headers": {},
    "subject": REQUIRED_SUBJECT,
    "html_only": False,
    "body": "Proszę o zmianę hasła awaryjnego dla Żaneta Wójcik, 1980",
    "attachments": [],
}
BATCH = [
    RawMessage(raw, Envelope(Source.LMTP, "zaneta@poczta.example", ("helpdesk-eclo@mf.gov.pl",)), WHEN)
    for raw in (build(ENTRY, "alternative-utf8"), b"\xff\x00 no mail at all", build(ENTRY, "latin2-raw"))
]

_PARENT = """
import asyncio, sys
from functools import partial
from pathlib import Path
from mailbot.service import compose
from mailbot.secret import Secret
from mailbot.workers import shares
from mailbot.workers.understand import Processes

KEY = Secret(b"k" * 32)

async def main(folder):
    settings = compose.settings(folder / "mailbot.toml")
    processes = Processes(partial(compose.understander, settings, KEY), settings.worker)
    await processes.start()
    print(processes._idle[0].process.pid, flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "mailbot.toml"
    config.write_text(
        f'[secret]\nkey_file = "{tmp_path / "key"}"\n[authentication]\nauthserv_id = "mx.helpdesk.example"\n',
        encoding="utf-8",
    )
    return compose.settings(config)


@pytest.fixture
async def processes(settings: Settings) -> AsyncIterator[Processes]:
    async with Processes(partial(compose.understander, settings, KEY), settings.worker) as running:
        await running.start()
        yield running


async def test_a_process_understands_what_a_thread_understands(settings: Settings, processes: Processes) -> None:
    expected = await in_thread(compose.understander(settings, KEY))(BATCH)
    assert [u.request.year for u in expected] == [1980, None, 1980], "the mails must be worth comparing"
    assert await processes(BATCH) == expected


async def test_a_process_that_dies_costs_its_batch_a_delay_only(processes: Processes) -> None:
    processes._idle[0].process.kill()
    with pytest.raises(TemporaryError, match="died"):
        await processes(BATCH)
    assert len(await processes(BATCH)) == len(BATCH)


async def test_a_process_that_dies_while_it_is_written_to_is_no_error_of_the_loop(processes: Processes) -> None:
    """Python 3.11.2, which Debian 12 has, remembers the broken pipe until somebody asks."""
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context))
    child = processes._idle[0].process
    child.send_signal(signal.SIGSTOP)
    asking = asyncio.create_task(processes([replace(BATCH[0], raw=bytes(10_000_000))]))
    assert child.stdin is not None
    for _ in range(10):
        await asyncio.sleep(0)
    assert child.stdin.transport.get_write_buffer_size(), "it must be written to when it dies"
    child.kill()
    with pytest.raises(TemporaryError, match="died"):
        await asking
    del asking, child
    await asyncio.sleep(0)  # the loop still holds what it did last
    gc.collect()
    assert said == []


def test_a_process_ends_with_its_parent(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT, encoding="utf-8")
    with subprocess.Popen([sys.executable, script, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        watch = os.pidfd_open(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait(30)
    assert select.select([watch], [], [], 60)[0], "the process outlived its parent"
    os.close(watch)


def test_a_process_starts_under_limits_that_are_lower_than_its_own(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    lower = "resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))\n"
    lower += "resource.setrlimit(resource.RLIMIT_AS, (1_400_000_000, 1_400_000_000))\n"
    script.write_text(f"import resource\n{lower}{_PARENT}", encoding="utf-8")
    with subprocess.Popen([sys.executable, script, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        told = parent.stdout.readline()
        parent.kill()
    assert told.strip().isdigit()


# ------------------------------------------------------------------------------------------------- bounds of a process


def message(raw: bytes) -> RawMessage:
    return RawMessage(raw, Envelope(Source.LMTP, "x@y.example", ("helpdesk-eclo@mf.gov.pl",)), WHEN)


@pytest.mark.parametrize(
    ("does", "cause"), [(b"expression", "deadline"), (b"burst", "memory"), (b"die", "died"), (b"look", "failed")]
)
async def test_what_a_mail_does_to_its_process_ends_with_it(does: bytes, cause: str) -> None:
    bounds = WorkerSettings(deadline_seconds=1.0)
    async with Processes(Trouble, bounds) as processes:  # type: ignore[arg-type]  # stands for an Understander
        await processes.start()
        with pytest.raises(ReadingFailed, match=cause):
            await processes([message(b"a citizen's mail"), message(does)])
        assert len(await processes([message(b"a citizen's mail")])) == 1


@pytest.mark.parametrize(("does", "cause"), [(b"burst", "memory"), (b"look", "failed")])
async def test_what_is_still_being_written_to_a_process_that_gives_up_holds_nobody_up(does: bytes, cause: str) -> None:
    bounds = WorkerSettings(deadline_seconds=20.0)
    batch = [message(does), *(message(bytes(3_000_000)) for _ in range(3))]
    async with Processes(Trouble, bounds) as processes:  # type: ignore[arg-type]  # stands for an Understander
        await processes.start()
        with pytest.raises(ReadingFailed, match=cause):
            await asyncio.wait_for(processes(batch), 60)


class Call:
    """What a process that a mail has taken over would say."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return pytest.fail, ("the parent did as it was told",)


def test_what_a_process_says_is_taken_for_understandings_or_for_garbage() -> None:
    right = [unread(message(b"a citizen's mail"), "")]
    assert _read(({}, [dumped(right)]), 1) == right
    for said in ([Call()], [Path()], [pytest.fail], right * 2, [], right[0], [right[0].sender]):
        with pytest.raises(ValueError, match="not understandings"):
            _read(({}, [pickle.dumps(said)]), 1)
    for octets in (b"", b"garbage", b"cmailbot.model.message\ndataclass\n.", b"cmailbot.model.message\nstr\n."):
        with pytest.raises(ValueError, match="not understandings"):
            _read(({}, [octets]), 1)


def test_values_of_the_model_come_back_as_they_were() -> None:
    """Those with defaults, those that work fields out (Sender), those that hold other ones and words."""
    understander = Understander(Settings(), Secret(bytes(32)), StaticResolver({}))
    given = [
        understander.understand(message(raw))
        for raw in (mail(), mail(auth="none"), mail(subject="Re: ZGL0000001"), b"", b"From: a@b.pl, c@d.pl\r\n\r\n\xff")
    ]
    given.append(replace(given[0], checked=ApplicationCheck(ApplicationState.DOUBT, notes=("a",)), scan="clean"))
    assert _read(({}, [dumped(given)]), len(given)) == given


def test_a_value_that_older_pythons_pickle_by_its_name_comes_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian 12 has Python 3.11.2."""
    monkeypatch.setattr(Enum, "__reduce_ex__", lambda self, protocol: (getattr, (type(self), self.name)))
    monkeypatch.setattr(understand, "_BY_FIELDS", _ByFields())
    understood = compose.understander(settings, KEY).understand_all(BATCH)
    assert _read(({}, [dumped(understood)]), len(BATCH)) == understood


async def test_the_deadline_is_within_its_share_of_the_lease() -> None:
    deadline = Processes(Trouble, WorkerSettings(lease_seconds=32)).bounds.deadline  # type: ignore[arg-type]
    assert deadline == 32 * shares.UNDERSTAND == 10


async def test_settings_that_are_wrong_are_told_at_the_start_and_later_no_mail_is_to_blame() -> None:
    async with Processes(refused, WorkerSettings()) as processes:
        with pytest.raises(ConfigError, match="the key is missing"):
            await processes.start()
        with pytest.raises(TemporaryError, match="the key is missing") as caught:
            await processes([message(b"")])
    assert not isinstance(caught.value, ReadingFailed)


async def test_a_process_that_is_killed_at_its_start_is_a_passing_fault() -> None:
    async with Processes(killed, WorkerSettings()) as processes:
        with pytest.raises(TemporaryError, match="worker"):
            await processes.start()


@pytest.mark.parametrize("call", ["asyncio.create_subprocess_exec", "os.pidfd_open"])
async def test_a_machine_without_room_for_a_process_is_a_passing_fault(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, "too many open files")

    async with Processes(Trouble, WorkerSettings()) as processes:  # type: ignore[arg-type]
        with monkeypatch.context() as patched:
            patched.setattr(call, full)
            with pytest.raises(TemporaryError):
                await processes.start()
            with pytest.raises(TemporaryError) as caught:
                await processes([message(b"")])
            assert not isinstance(caught.value, ReadingFailed), "no mail is to blame"
        assert len(await processes([message(b"")])) == 1


async def test_the_largest_mail_fits_into_the_memory_of_a_process(processes: Processes) -> None:
    """35 MB with a file of 25."""
    file = b64encode(b"%PDF-" + bytes(MESSAGE_MAX * 3 // 4 - 100_000))
    subject = b"Subject: =?utf-8?B?" + b64encode(REQUIRED_SUBJECT.encode()) + b"?=\r\n"
    head = (
        b"From: a@b.example\r\n" + subject + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    part = b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    lines = b"\r\n".join(file[n : n + 1_000_000] for n in range(0, len(file), 1_000_000))
    (u,) = await processes([replace(message(head + part + lines + b"\r\n--b--\r\n"), to_check=True)])
    assert [len(a.data) for a in u.message.attachments] == [MESSAGE_MAX * 3 // 4 - 99_995]


# ------------------------------------------------------------------------------------------------- slow name servers


def from_domain(domain: str) -> RawMessage:
    envelope = Envelope(
        Source.SMTP, f"jan@{domain}", ("helpdesk-eclo@mf.gov.pl",), peer="192.0.2.7", helo=f"mx.{domain}"
    )
    raw = build({**ENTRY, "sender": f"jan@{domain}", "auth": "none"}, "alternative-utf8")
    return RawMessage(raw, envelope, WHEN)


SLOW = [from_domain(f"slow{n}.example") for n in range(20)]
GOOD = from_domain("good.example")
SPF = "v=spf1 ip4:192.0.2.7 -all"


class Together:
    """A resolver that answers about a slow domain, and that it cannot, when all the slow ones have been asked for."""

    def __init__(self) -> None:
        self.all_asked = threading.Barrier(len(SLOW))

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        if "slow" in name:
            self.all_asked.wait(60)
            raise ResolverUnavailable(name)
        return (SPF,) if (name, kind) == ("good.example", "TXT") else ()


async def test_senders_are_checked_side_by_side() -> None:
    """As long as one of them takes, however many are slow."""
    settings = Settings(smtp=ListenerSettings(authentication="own"))
    understander = Understander(settings, Secret(b"k" * 32), Forbearing(Together()))
    found = [u.sender.authentication.result for u in await in_thread(understander)([*SLOW, GOOD])]
    assert found == [AuthResult.TEMPERROR] * len(SLOW) + [AuthResult.PASS]


def test_a_silent_domain_is_left_in_peace_for_a_while() -> None:
    now, asked = [0.0], []

    class Silent:
        def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
            asked.append(name)
            if name.lower().endswith("silent.example"):
                raise ResolverUnavailable(name)
            return ()

    resolver = Forbearing(Silent(), 20.0, lambda: now[0])
    for name in ("Silent.example", "_dmarc.silent.example", "s1._domainkey.silent.example", "host.silent.example"):
        with pytest.raises(ResolverUnavailable):
            resolver.lookup(name, "TXT")
    assert asked == ["Silent.example", "host.silent.example"], "hosts below may have servers of their own"
    assert resolver.lookup("_dmarc.example", "TXT") == ()
    now[0] = 20.0
    with pytest.raises(ResolverUnavailable):
        resolver.lookup("_dmarc.silent.example", "TXT")
    assert asked[-1] == "_dmarc.silent.example"


async def test_a_process_asks_a_real_name_server() -> None:
    """One that never answers about slow domains."""
    with name_server({"good.example": SPF}) as port:
        async with Processes(partial(asking, port), WorkerSettings()) as processes:
            found = await processes([*SLOW, GOOD])
            again = await processes([GOOD])
    assert [u.sender.authentication.result for u in found] == [AuthResult.TEMPERROR] * len(SLOW) + [AuthResult.PASS]
    assert [u.sender.authentication.result for u in again] == [AuthResult.PASS]


@contextmanager
def name_server(texts: dict[str, str]) -> Iterator[int]:
    """The port of a name server with TXT records; silent about every name with "slow" in it."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            octets, socket = self.request
            query = dns.message.from_wire(octets)
            (question,) = query.question
            name = question.name.to_text(omit_final_dot=True)
            if "slow" in name:
                return
            response = dns.message.make_response(query)
            if name in texts and question.rdtype == dns.rdatatype.TXT:
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", f'"{texts[name]}"'))
            socket.sendto(response.to_wire(), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
