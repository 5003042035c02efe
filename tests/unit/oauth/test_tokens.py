"""Failure 8: an OAuth token expires and nobody is told. Tokens against a token server that does what it should not."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot.config import OAuthSettings, contradictions
from mailbot.config.mail import DeliverySettings, ImapSettings
from mailbot.config.sections import Settings
from mailbot.errors import ConfigError, TokenRefused, TokenUnavailable
from mailbot.oauth import Tokens, refresh, tokens
from tests.token_server import TokenServer, token_server

SECRET = "s3cret: +%&"


class Clock:
    """Goes only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "refresh"
    found.write_text("refresh-0\n")
    found.chmod(0o600)
    return found


def held(file: Path) -> str:
    return file.read_text()


def write(file: Path, text: str) -> None:
    file.write_text(text)


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def link_to(file: Path, link: Path) -> None:
    link.symlink_to(file)


def is_link(link: Path) -> bool:
    return link.is_symlink()


def leave(file: Path, text: str, older: int) -> None:
    """What a process that died left beside the file, so many seconds older than it, or newer."""
    beside = file.with_name(".refresh.new")
    beside.write_text(text)
    then = file.stat().st_mtime
    os.utime(beside, (then, then - older if older else then + 1))


def by_refresh(server: TokenServer, file: Path, clock: Clock | None = None) -> Tokens:
    return Tokens(server.settings(grant="refresh_token", refresh_token_file=str(file)), clock or Clock())


def by_secret(server: TokenServer, folder: Path, clock: Clock | None = None, **more: str) -> Tokens:
    (folder / "secret").write_text(SECRET + "\n")
    return Tokens(server.settings(client_secret_file=str(folder / "secret"), **more), clock or Clock())


async def test_8_a_token_is_asked_for_once_until_it_is_about_to_end(server: TokenServer, tmp_path: Path) -> None:
    clock = Clock()
    ours = by_secret(server, tmp_path, clock, scope="https://mail.example/.default")
    assert await asyncio.gather(*(ours.access() for _ in range(20))) == ["access-1"] * 20
    clock.go(minutes=54)
    assert await ours.access() == "access-1"
    clock.go(minutes=2)
    assert await ours.access() == "access-2"
    clock.go(days=-300)  # a clock that went back must not keep a token alive
    assert await ours.access() == "access-3"
    assert server.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "mailbot",
        "scope": "https://mail.example/.default",
        "Authorization": "Basic bWFpbGJvdDpzM2NyZXQlM0ElMjAlMkIlMjUlMjY=",
    }


@pytest.mark.parametrize("life", [None, "3600", 0, -5, 1e999, "soon", 10**12, True])
async def test_8_whatever_the_server_says_of_its_life(server: TokenServer, tmp_path: Path, life: object) -> None:
    server.life = life
    clock = Clock()
    ours = by_secret(server, tmp_path, clock)
    assert await ours.access() == "access-1"
    clock.go(hours=24)
    assert await ours.access() == "access-2"


async def test_8_a_token_that_a_mail_server_refused_is_not_used_again(server: TokenServer, tmp_path: Path) -> None:
    clock = Clock()
    ours = by_secret(server, tmp_path, clock)
    first = await ours.access()
    ours.reject(first)  # so young that its age is not why
    assert await ours.access() == first
    clock.go(minutes=1)
    ours.reject("another")
    assert await ours.access() == first
    ours.reject(first)
    assert await ours.access() == "access-2"


# ------------------------------------------------------------------------------------------------ the refresh token


async def test_8_a_new_refresh_token_is_on_the_disk_before_the_access_token_is_used(
    server: TokenServer, file: Path
) -> None:
    clock = Clock()
    ours = by_refresh(server, file, clock)
    for n in (1, 2, 3):
        assert await ours.access() == f"access-{n}"
        assert held(file) == f"refresh-{n}\n"
        clock.go(hours=1)
    assert mode(file) == 0o600
    assert names(file.parent) == ["refresh"]


async def test_8_a_server_that_gives_no_new_one_leaves_the_old(server: TokenServer, file: Path) -> None:
    server.rotating = False
    assert await by_refresh(server, file).access() == "access-1"
    assert held(file) == "refresh-0\n"


async def test_8_two_clients_of_one_file_take_turns(server: TokenServer, file: Path) -> None:
    server.pause = 0.05
    several = [by_refresh(server, file) for _ in range(5)]
    assert len({*await asyncio.gather(*(one.access() for one in several))}) == 5
    assert held(file) == f"{server.refresh}\n"


async def test_8_who_waits_may_be_cancelled_and_the_refresh_token_is_kept(server: TokenServer, file: Path) -> None:
    server.pause = 0.1
    ours = by_refresh(server, file)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await ours.access()
    assert await ours.access() == "access-1"
    assert held(file) == "refresh-1\n"


async def test_8_what_a_person_wrote_meanwhile_stays(server: TokenServer, file: Path) -> None:
    server.before = lambda: file.write_text("by hand\n") and None
    await by_refresh(server, file).access()
    assert held(file) == "by hand\n"


async def test_8_a_file_emptied_meanwhile_gets_the_new_token(server: TokenServer, file: Path) -> None:
    server.before = lambda: file.write_text("") and None
    await by_refresh(server, file).access()
    assert held(file) == "refresh-1\n"


@pytest.mark.parametrize(
    ("left", "older", "kept"),
    [
        ("refresh-9\n", 0, "refresh-9\n"),
        ("refresh-9\n\0\0\0\0", 0, "refresh-9\n"),
        ("refresh-9\n", 60, "refresh-0\n"),
        ("refresh", 0, "refresh-0\n"),
        ("\0" * 4096, 0, "refresh-0\n"),
        ("", 0, "refresh-0\n"),
    ],
)
async def test_8_what_a_killed_process_left_is_taken_when_it_is_whole_and_newer(
    file: Path, left: str, older: int, kept: str
) -> None:
    leave(file, left, older)
    async with refresh.turn(str(file)) as turn:
        assert turn.token + "\n" == kept
    assert held(file) == kept
    assert names(file.parent) == ["refresh"]


def _killed(url: str, file: str) -> None:
    """A process that dies between writing the new token and giving it its name."""
    settings = OAuthSettings(token_url=url, client_id="mailbot", grant="refresh_token", refresh_token_file=file)
    refresh.Turn._rename = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,method-assign,return-value]
    asyncio.run(Tokens(settings).access())


async def test_8_kill_9_before_the_rename_loses_nothing(server: TokenServer, file: Path) -> None:
    victim = multiprocessing.get_context("spawn").Process(target=_killed, args=(server.url, str(file)))
    victim.start()
    await asyncio.to_thread(victim.join, 60)
    assert victim.exitcode == -signal.SIGKILL
    assert (held(file), server.refresh) == ("refresh-0\n", "refresh-1")
    assert await by_refresh(server, file).access() == "access-2"
    assert held(file) == "refresh-2\n"


async def test_8_where_a_new_token_could_not_be_kept_none_is_asked_for(
    server: TokenServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(ConfigError, match="could not be kept; mend: a file that mailbot owns"):
        await by_refresh(server, file).access()
    assert server.asked == []
    assert names(file.parent) == ["refresh"]


async def test_8_a_link_to_the_file_stays_a_link(server: TokenServer, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link_to(file, link)
    await by_refresh(server, link).access()
    assert is_link(link)
    assert held(file) == "refresh-1\n"


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "ż", "a\x01b"])
async def test_8_a_file_without_a_token_is_told(server: TokenServer, file: Path, text: str) -> None:
    write(file, text)
    with pytest.raises(ConfigError, match=r"\[oauth\] refresh_token_file: .*mend:"):
        await by_refresh(server, file).access()
    assert server.asked == []


# ------------------------------------------------------------------------------------------------ failures

GARBAGE = [
    (200, b""),
    (200, b"<html>"),
    (200, b"[1]"),
    (200, b"[" * 60_000),
    (200, b"{" + b" " * 70_000 + b"}"),
    (200, b'{"access_token": "a"}'),
    (200, b'{"access_token": "a", "token_type": "mac"}'),
    (200, b'{"access_token": "a\\u0001auth=b", "token_type": "Bearer"}'),
    (200, b'{"access_token": "a\\r\\nQUIT", "token_type": "Bearer"}'),
    (200, b'{"access_token": "a", "token_type": "Bearer", "refresh_token": "x\\ny"}'),
    (200, b'{"access_token": "a", "token_type": "Bearer", "error": "invalid_grant"}'),
    (302, b'{"access_token": "a", "token_type": "Bearer"}'),
    (400, b"no"),
    (400, b'{"error": "slow_down"}'),
    (400, b'{"error": ["invalid_grant"]}'),
    (404, b"{}"),
    (429, b'{"error": "invalid_request"}'),
    (500, b'{"error": "invalid_grant"}'),
    (503, b"later"),
]


@pytest.mark.parametrize(("status", "octets"), GARBAGE, ids=[f"{s} {o[:50]!r}" for s, o in GARBAGE])
async def test_8_what_is_no_token_is_temporary(server: TokenServer, file: Path, status: int, octets: bytes) -> None:
    server.says = [(status, octets)]
    clock = Clock()
    ours = by_refresh(server, file, clock)
    with pytest.raises(TokenUnavailable):
        await ours.access()
    assert held(file) == "refresh-0\n"
    assert ours.standing.failing_since == clock()
    assert not ours.standing.refused
    clock.go(seconds=3)
    assert await ours.access() == "access-2"
    assert ours.standing.failing_since is None


async def test_8_a_server_that_is_slow_or_away_is_given_up(
    server: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pause = 5
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "_SECONDS", 0.05)
        with pytest.raises(TokenUnavailable, match="TimeoutError"):
            await by_secret(server, tmp_path).access()
    server.url = "http://127.0.0.1:1/token"
    with pytest.raises(TokenUnavailable, match="ClientConnectorError"):
        await by_secret(server, tmp_path).access()


async def test_8_it_is_not_asked_at_each_try(server: TokenServer, tmp_path: Path) -> None:
    server.says = [(503, b"")] * 99
    clock = Clock()
    ours = by_secret(server, tmp_path, clock)
    for _ in range(3600):
        with pytest.raises(TokenUnavailable):
            await ours.access()
        clock.go(seconds=1)
    assert 10 < len(server.asked) < 25


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "invalid_scope", "unauthorized_client"])
async def test_8_refused_for_good_until_a_person_acts(server: TokenServer, tmp_path: Path, error: str) -> None:
    told = {"error": error, "error_description": f"AADSTS7000222: {SECRET} Jan Kowalski"}
    server.says = [(401, json.dumps(told).encode())]
    clock = Clock()
    ours = by_secret(server, tmp_path, clock)
    for _ in range(5):
        with pytest.raises(TokenRefused, match=f"says {error} AADSTS7000222; mend: ") as caught:
            await ours.access()
        assert "Kowalski" not in caught.value.reason
        clock.go(minutes=10)
    assert len(server.asked) == 1
    assert ours.standing.refused
    clock.go(minutes=20)  # at the provider, where nobody tells us
    assert await ours.access() == "access-2"
    assert not ours.standing.refused


async def test_8_another_secret_in_the_file_is_tried_at_once(server: TokenServer, file: Path) -> None:
    server.refresh = "renewed"
    ours = by_refresh(server, file)
    for _ in range(2):
        with pytest.raises(TokenRefused, match="invalid_grant AADSTS70008"):
            await ours.access()
    assert len(server.asked) == 1
    write(file, "renewed")
    assert await ours.access() == "access-2"


async def test_8_no_secret_is_in_the_log(server: TokenServer, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    ours = by_refresh(server, file, clock)
    await ours.access()
    server.says = [(400, b'{"error": "refresh-1 access-1"}')]
    clock.go(minutes=1)
    ours.reject("access-1")
    with pytest.raises(TokenUnavailable) as caught:
        await ours.access()
    told = caplog.text + str(caught.value) + repr(caught.value)
    assert "refresh-" not in told
    assert "access-" not in told


# ------------------------------------------------------------------------------------------------ what is known ahead


async def test_8_the_days_left_are_known(server: TokenServer, file: Path) -> None:
    clock = Clock()
    ours = by_refresh(server, file, clock)
    assert ours.expires_at() is None
    server.more = {"refresh_expires_in": 90 * 86_400}
    await ours.access()
    assert ours.expires_at() == clock() + timedelta(days=90)
    ours._settings = replace(ours._settings, secret_expires="2026-12-24")
    assert ours.expires_at() == datetime(2026, 12, 24, tzinfo=UTC)


_OAUTH = OAuthSettings("https://login.example/token", client_id="a", client_secret_file="f")
MISTAKES: list[tuple[str, Callable[[Settings], Settings]]] = [
    ("[oauth] token_url: ", lambda s: replace(s, oauth=replace(_OAUTH, token_url="http://login.example/token"))),
    ("[oauth] client_id: ", lambda s: replace(s, oauth=replace(_OAUTH, client_id=""))),
    ("[oauth] client_secret_file: ", lambda s: replace(s, oauth=replace(_OAUTH, client_secret_file=""))),
    ("[oauth] refresh_token_file: ", lambda s: replace(s, oauth=replace(_OAUTH, grant="refresh_token"))),
    ("[oauth] secret_expires: ", lambda s: replace(s, oauth=replace(_OAUTH, secret_expires="soon"))),
    ("[delivery] tls: ", lambda s: replace(s, oauth=_OAUTH, delivery=DeliverySettings("smtp.example", user="h"))),
    ("[imap] user: ", lambda s: replace(s, imap=ImapSettings("imap.example", user="h"))),
]


@pytest.mark.parametrize(("said", "spoil"), MISTAKES, ids=[said for said, _ in MISTAKES])
def test_8_settings_that_cannot_be_meant(said: str, spoil: Callable[[Settings], Settings]) -> None:
    (mistake,) = contradictions.contradictions(spoil(Settings()), "mailbot.toml")
    assert mistake.startswith(f"mailbot.toml: {said}")
    assert "mend: " in mistake


def test_8_settings_of_an_office_without_passwords() -> None:
    chosen = Settings(
        imap=ImapSettings("imap.example", user="h"),
        delivery=DeliverySettings("smtp.example", 587, "starttls", user="h"),
        oauth=_OAUTH,
    )
    assert contradictions.contradictions(chosen, "mailbot.toml") == []
