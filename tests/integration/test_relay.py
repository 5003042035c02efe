"""The outgoing connection with servers that say what they should not, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailbot.config import DeliverySettings
from mailbot.delivery import smtp
from mailbot.delivery.smtp import Relay
from mailbot.errors import RelayMisconfigured, RelayRefused, RelayUnavailable
from tests.certificates import make
from tests.relay_fake import CUT, ENDLESS, SILENCE, FakeRelay, fake_relay

FROM, TO, RAW = "h@office.example", "jan@wp.example", b"Subject: x\r\n\r\n.dot\r\n"


@pytest.fixture
async def server() -> AsyncIterator[FakeRelay]:
    async with fake_relay() as relay:
        yield relay


async def failure(server: FakeRelay, recipient: str = TO, **settings: object) -> RelayUnavailable | RelayRefused:
    relay = Relay(server.settings(**settings))
    with pytest.raises((RelayUnavailable, RelayRefused)) as caught:
        await relay.send(FROM, recipient, RAW)
    await relay.close()
    error = caught.value
    assert isinstance(error, RelayUnavailable | RelayRefused)
    assert error.reason.isprintable()
    assert len(error.reason) <= 300
    return error


async def test_a_mail_and_the_next_over_one_connection(server: FakeRelay) -> None:
    relay = Relay(server.settings())
    for _ in range(2):
        assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()
    assert server.mails == [RAW.replace(b".dot", b"..dot") + b".\r\n"] * 2
    assert [line.split()[0] for line in server.heard] == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2, "QUIT"]


TOGETHER = b"250-relay.example\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"


@pytest.fixture
async def pipelining(server: FakeRelay) -> FakeRelay:
    """It takes commands together (RFC 2920)."""
    server.says["EHLO"] = TOGETHER
    return server


async def test_a_mail_and_the_next_together(pipelining: FakeRelay) -> None:
    relay = Relay(pipelining.settings())
    for _ in range(2):
        assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()
    assert pipelining.mails == [RAW.replace(b".dot", b"..dot") + b".\r\n"] * 2
    assert [line.split()[0] for line in pipelining.heard] == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2, "QUIT"]


REFUSALS: dict[str, tuple[dict[str, bytes], type[Exception], str]] = {
    "sender": ({"MAIL": b"451 no\r\n", "RCPT": b"503 MAIL first\r\n"}, RelayUnavailable, "MAIL: 451 no"),
    "recipient": ({"RCPT": b"550 5.1.1 no\r\n", "DATA": b"554 no valid recipients\r\n"}, RelayRefused, "RCPT: 550"),
    "data": ({"DATA": b"451 4.3.0 disk full\r\n"}, RelayUnavailable, "DATA: 451 4.3.0 disk full"),
    "all": (
        {"MAIL": b"421 4.7.0 bye\r\n", "RCPT": b"503 no\r\n", "DATA": b"503 no\r\n"},
        RelayUnavailable,
        "MAIL: 421",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_of_what_was_asked_together_the_first_refusal_counts(pipelining: FakeRelay, case: str) -> None:
    says, kind, reason = REFUSALS[case]
    relay = Relay(pipelining.settings())
    pipelining.says |= {"DATA": b"503 no\r\n", **says}
    with pytest.raises(kind) as caught:
        await relay.send(FROM, TO, RAW)
    assert isinstance(caught.value, RelayUnavailable | RelayRefused)
    assert caught.value.reason.startswith(reason)
    pipelining.says = {"EHLO": TOGETHER}
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()
    assert pipelining.connections == (2 if case == "all" else 1), "after 421 it is another one"
    assert len(pipelining.mails) == 1


@pytest.mark.parametrize("refused", ["MAIL", "RCPT"])
async def test_a_server_that_wants_a_mail_for_nobody_does_not_get_it(pipelining: FakeRelay, refused: str) -> None:
    """RFC 2920 §3.1 would end it with a single dot: an empty mail, from whom or for whom it may be."""
    relay = Relay(pipelining.settings())
    pipelining.says[refused] = b"451 4.2.0 later\r\n"
    with pytest.raises(RelayUnavailable, match=f"{refused}: 451"):
        await relay.send(FROM, TO, RAW)
    del pipelining.says[refused]
    await relay.send(FROM, TO, RAW)
    await relay.close()
    assert (pipelining.connections, len(pipelining.mails)) == (2, 1)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("answer", ["8 kB", "1 MB", "silence", "cut", "no SMTP", "unknown code"])
async def test_whatever_is_said_to_what_was_asked_together_the_mail_waits(
    pipelining: FakeRelay, stage: str, answer: str
) -> None:
    pipelining.says[stage] = HOSTILE[answer]
    found = await failure(pipelining)
    assert type(found) is RelayUnavailable
    assert found.in_doubt is (stage == "." and answer != "8 kB")
    assert not found.unreachable
    if (answer, stage) != (
        "silence",
        "MAIL",
    ):  # then the yes to RCPT is heard as that to MAIL, and 354 is no yes to RCPT
        assert found.reason.startswith(stage if stage != "." else "end of DATA")


async def test_who_is_ready_has_a_connection_for_the_next_mail(pipelining: FakeRelay) -> None:
    relay = Relay(pipelining.settings())
    pipelining.says["banner"] = b"554 5.7.1 not you\r\n"
    with pytest.raises(RelayUnavailable) as caught:
        await relay.ready()
    assert caught.value.unreachable
    del pipelining.says["banner"]
    await relay.ready()
    heard = len(pipelining.heard)
    await relay.send(FROM, TO, RAW)
    await relay.ready()
    await relay.close()
    assert [line.split()[0] for line in pipelining.heard[heard:]] == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert pipelining.connections == 2


async def test_a_yes_to_data_that_does_not_ask_for_the_mail(pipelining: FakeRelay) -> None:
    pipelining.says["DATA"] = b"250 2.0.0 taken\r\n"
    found = await failure(pipelining)
    assert type(found) is RelayUnavailable
    assert (found.reason, found.in_doubt, pipelining.mails) == ("DATA: 250 2.0.0 taken", False, [])


@pytest.mark.parametrize("how", ["time-out", "cancel"])
async def test_what_was_given_up_does_not_leave_later(how: str) -> None:
    """A server that stops reading in the middle of a mail and goes on when its ticket was stopped, or another process
    sends it."""
    goes_on, ended = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.example ESMTP\r\n")
        for answer in (b"250 relay.example", b"250 ok", b"250 ok", b"354 go on"):
            await reader.readline()
            writer.write(answer + b"\r\n")
        await goes_on.wait()
        try:
            ended.set_result(await reader.read(-1))
        except ConnectionError:
            ended.set_result(b"")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    relay = Relay(DeliverySettings(port=port, timeout_seconds=0.3 if how == "time-out" else 30))
    sending = asyncio.create_task(relay.send(FROM, TO, b"x: y\r\n" * 4 * 2**20))
    if how == "cancel":
        await asyncio.sleep(0.2)
        sending.cancel()
    with pytest.raises((RelayUnavailable, asyncio.CancelledError)):
        await sending
    goes_on.set()
    assert not (await ended).endswith(b"\r\n.\r\n")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("more", [b"", b"250 2.0.0 and one more\r\n", b"421 4.4.2 idle"])
async def test_what_the_server_says_unasked_answers_nothing(server: FakeRelay, more: bytes) -> None:
    """Taken for the answer to the next command it would tell a mail as sent that was not."""
    relay = Relay(server.settings())
    server.says["."] = b"250 2.0.0 taken\r\n" + more
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    server.says = {"MAIL": b"451 later\r\n"}
    with pytest.raises(RelayUnavailable, match="MAIL: 451 later"):
        await relay.send(FROM, TO, RAW)
    await relay.close()
    assert server.connections == (2 if more else 1)


CONTENT = {
    b"a\r\n": b"a\r\n",
    b"a": b"a\r\n",
    b"": b"\r\n",
    b"a\nb\rc\r\n": b"a\r\nb\r\nc\r\n",
    b"a\r\r\nb\r\n": b"a\r\n\r\nb\r\n",
    b"a\n.\nb": b"a\r\n..\r\nb\r\n",
    b".\r\n..\r\n": b"..\r\n...\r\n",
    b"a\n\rb\r\n": b"a\r\n\r\nb\r\n",
}


@pytest.mark.parametrize("raw", CONTENT)
async def test_every_line_ends_as_it_must_and_none_ends_the_mail(pipelining: FakeRelay, raw: bytes) -> None:
    relay = Relay(pipelining.settings())
    await relay.send(FROM, TO, raw)
    await relay.close()
    assert pipelining.mails == [CONTENT[raw] + b".\r\n"]


async def test_a_return_path_that_cannot_be_written_says_nothing_else(server: FakeRelay) -> None:
    relay = Relay(server.settings())
    with pytest.raises(RelayUnavailable):
        await relay.send("h@office.example>\r\nRCPT TO:<x@y.example", TO, RAW)
    assert not any("x@y.example" in line for line in server.heard)


QUOTES = [
    b"550 5.1.1 <jan@wp.example>: Recipient address rejected: User unknown",
    b"550 5.1.1 <JAN@WP.EXAMPLE> unknown; rejecting",
    b"550 5.1.1 jan@wp.example... User unknown",
    b"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient smtp;jan@wp.example not found",
    b"550 5.1.1 mailbox of 'jan' is unknown, user=Jan",
    b"550-5.1.1 <jan@wp.example>\r\n550 5.1.1 sender h+jan=wp.example@office.example",
    b'451 4.7.1 "jan"@wp.example greylisted',
]
"""A refusal is kept in the history, which is never erased."""


@pytest.mark.parametrize("answer", QUOTES)
async def test_what_is_kept_of_an_answer_names_nobody(server: FakeRelay, answer: bytes) -> None:
    server.says["RCPT"] = answer + b"\r\n"
    kept = (await failure(server)).reason
    assert "jan" not in kept.lower()
    assert "<address>" in kept
    assert kept.startswith(f"RCPT: {answer[:3].decode()}"), "and all that it means"


async def test_nor_of_the_answer_to_a_mail_that_was_taken(server: FakeRelay) -> None:
    server.says["."] = b"250 2.0.0 queued as 4Xyz for jan@wp.example\r\n"
    relay = Relay(server.settings())
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 queued as 4Xyz for <address>"
    await relay.close()


HOSTILE = {
    "not UTF-8": b"451 4.3.0 zaj\xeaty\r\n",
    "NUL": b"451 4.3.0 a\x00b\r\n",
    "control characters": b"451 4.3.0 \x1b[2J\x07\x08\r\n",
    "lines": b"451-4.3.0 one\r\n451-4.3.0 two\r\n451 4.3.0 three\r\n",
    "8 kB": b"451 4.3.0 " + b"\xff" * 8000 + b"\r\n",
    "100 kB": b"451 4.3.0 " + b"a" * 100_000 + b"\r\n",
    "1 MB": b"451 4.3.0 " + b"a" * 1_000_000 + b"\r\n",
    "120 kB of lines without a word": b"451-\r\n" * 20_000 + b"451 4.3.0 later\r\n",
    "endless": ENDLESS,
    "silence": SILENCE,
    "cut": CUT,
    "no SMTP": b"\x16\x03\x01\x02\x00\x01\r\n",
    "empty line": b"\r\n",
    "unknown code": b"999 what\r\n",
}


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("answer", HOSTILE)
async def test_whatever_the_server_says_the_mail_waits_and_the_reason_is_safe(
    server: FakeRelay, stage: str, answer: str
) -> None:
    server.says[stage] = HOSTILE[answer]
    found = await failure(server)
    assert type(found) is RelayUnavailable
    told_no = answer in ("not UTF-8", "NUL", "control characters", "lines", "8 kB")
    assert found.in_doubt is (stage == "." and not told_no)
    server.says.clear()


@pytest.mark.parametrize("answer", ["8 kB", "1 MB", "endless", "silence", "cut", "no SMTP"])
async def test_the_next_mail_leaves_over_a_new_connection(server: FakeRelay, answer: str) -> None:
    relay = Relay(server.settings())
    server.says["RCPT"] = HOSTILE[answer]
    with pytest.raises(RelayUnavailable):
        await relay.send(FROM, TO, RAW)
    server.says.clear()
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_mail_is_in_doubt_only_when_the_server_may_have_it(
    server: FakeRelay, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "LIMIT", 0.3)
    server.says[stage] = SILENCE
    found = await failure(server, timeout_seconds=30)
    assert isinstance(found, RelayUnavailable)
    assert (found.in_doubt, found.unreachable) == (stage == ".", stage in ("banner", "EHLO"))


async def test_the_time_of_a_mail_ends_whatever_the_one_before_was_given(
    server: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay(server.settings(timeout_seconds=3600))
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    monkeypatch.setattr(smtp, "LIMIT", 0.3)
    server.says["."] = SILENCE
    async with asyncio.timeout(60):
        with pytest.raises(RelayUnavailable) as caught:
            await relay.send(FROM, TO, RAW)
    assert caught.value.in_doubt
    await relay.close()


async def test_the_time_of_a_mail_is_not_that_of_what_follows_it(
    server: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that stood idle for longer is reset, used and closed like any other."""
    monkeypatch.setattr(smtp, "LIMIT", 0.2)
    relay = Relay(server.settings(timeout_seconds=30))
    server.says["RCPT"] = b"550 5.1.1 no such user\r\n"
    with pytest.raises(RelayRefused):
        await relay.send(FROM, TO, RAW)
    del server.says["RCPT"]
    await asyncio.sleep(0.3)
    monkeypatch.setattr(smtp, "LIMIT", 30.0)
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()
    assert server.connections == 1
    assert server.heard[-1] == "QUIT"


@pytest.mark.parametrize("asked", ["before MAIL", "behind the 354"])
async def test_a_mail_that_is_not_ours_any_more_is_not_begun_nor_ended(server: FakeRelay, asked: str) -> None:
    """As after a sleep in the middle of the dialogue. The next one leaves."""
    relay = Relay(server.settings())
    answers = iter([False] if asked == "before MAIL" else [True, False])
    relay.in_time = lambda: next(answers, True)
    with pytest.raises(RelayUnavailable, match="lease ran out") as caught:
        await relay.send(FROM, TO, RAW)
    assert (caught.value.in_doubt, caught.value.unreachable) == (False, False)
    assert server.mails == []
    assert [line.split()[0] for line in server.heard][1:] == (
        [] if asked == "before MAIL" else ["MAIL", "RCPT", "DATA"]
    )
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()


async def test_an_answer_that_is_known_is_not_lost_in_what_follows(
    server: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_RECYCLE", 1)
    server.says |= {"QUIT": SILENCE, "RSET": SILENCE}
    relay = Relay(server.settings())
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    server.says["RCPT"] = b"550 5.1.1 no such user\r\n"
    with pytest.raises(RelayRefused):
        await relay.send(FROM, TO, RAW)
    del server.says["RCPT"]
    assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()


async def test_every_yes_behind_the_mail_is_one(server: FakeRelay) -> None:
    """RFC 5321 §4.3.2: an unexpected code is read by its first digit."""
    server.says["."] = b"251 2.0.0 taken \xff\r\n"
    relay = Relay(server.settings())
    assert await relay.send(FROM, TO, RAW) == "251 2.0.0 taken"
    await relay.close()


SETTINGS = {
    "login first": {"MAIL": b"530 5.7.0 Authentication required\r\n"},
    "no right to relay": {"RCPT": b"554 5.7.1 <jan@wp.example>: Relay access denied\r\n"},
    "not welcome": {"banner": b"554 5.7.1 no\r\n"},
}


@pytest.mark.parametrize("case", SETTINGS)
async def test_what_is_refused_to_us_waits(server: FakeRelay, case: str) -> None:
    server.says |= SETTINGS[case]
    assert isinstance(await failure(server), RelayMisconfigured)


@pytest.mark.parametrize("case", ["login first", "not welcome"])
async def test_a_probe_hears_it(server: FakeRelay, case: str) -> None:
    server.says |= SETTINGS[case]
    relay = Relay(server.settings())
    with pytest.raises(RelayMisconfigured):
        await relay.probe()
    await relay.close()
    server.says.clear()
    await relay.probe()
    await relay.send(FROM, TO, RAW)
    await relay.close()
    assert len(server.mails) == 1


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"wrong\n"])
async def test_a_bad_password_is_a_setting(server: FakeRelay, tmp_path: Path, content: bytes | None) -> None:
    server.says |= {"EHLO": b"250-relay.example\r\n250 AUTH PLAIN\r\n", "AUTH": b"535 5.7.8 no\r\n"}
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    found = await failure(server, user="mailbot", password_file=str(file))
    assert isinstance(found, RelayMisconfigured)
    assert found.unreachable
    assert ("mend:" in found.reason) == (content in (None, b"\xff\xfe"))


@pytest.mark.parametrize("settings", [{"tls": "starttls"}, {"user": "mailbot", "password_file": "/dev/null"}])
async def test_what_the_server_cannot_do_is_a_setting(server: FakeRelay, settings: dict[str, object]) -> None:
    assert isinstance(await failure(server, **settings), RelayMisconfigured)


async def test_a_certificate_nobody_vouches_for_is_a_setting(tmp_path: Path) -> None:
    certificates = make(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    relay = FakeRelay()
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0, ssl=context)
    relay.port = server.sockets[0].getsockname()[1]
    found = await failure(relay, tls="tls", timeout_seconds=5)
    assert isinstance(found, RelayMisconfigured)
    assert "certificate" in found.reason
    server.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_mails_leave_behind_tls_alone(tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that follow over the same connection: it was handed on since."""
    certificates = make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    taken: list[tuple[bytes | str | None, bool]] = []

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            assert server.transport
            taken.append((envelope.content, server.transport.get_extra_info("ssl_object") is not None))
            return "250 2.0.0 taken"

    made = partial(SMTP, Handler(), tls_context=context if tls == "starttls" else None, require_starttls=True)
    if tls == "tls":
        made = partial(SMTP, Handler())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(made, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    port = server.sockets[0].getsockname()[1]
    relay = Relay(DeliverySettings(port=port, tls=tls, timeout_seconds=5))  # type: ignore[arg-type]
    for _ in range(2):
        assert await relay.send(FROM, TO, RAW) == "250 2.0.0 taken"
    await relay.close()
    server.close()
    assert taken == [(RAW, True)] * 2


async def test_a_server_that_is_not_there_is_no_setting(server: FakeRelay) -> None:
    server.port = 1
    found = await failure(server)
    assert type(found) is RelayUnavailable
    assert found.unreachable


@pytest.mark.parametrize(
    "recipient", ["a\r\nb@wp.example", "a\udcff@wp.example", "a b@wp.example", "a(b)@wp.example", ""]
)
async def test_an_address_that_cannot_be_written_is_refused(server: FakeRelay, recipient: str) -> None:
    assert isinstance(await failure(server, recipient), RelayRefused)
    assert server.heard == []


async def test_a_server_without_smtputf8_cannot_take_the_address(server: FakeRelay) -> None:
    relay = Relay(server.settings())
    await relay.send(FROM, "żółw@wp.example", RAW)
    assert any(line.endswith("SMTPUTF8") for line in server.heard)
    await relay.close()
    server.says["EHLO"] = b"250 relay.example\r\n"
    found = await failure(server, "żółw@wp.example")
    assert isinstance(found, RelayRefused)
    assert "SMTPUTF8" in found.reason
