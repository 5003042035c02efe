"""``mailbot demo``: the whole story on this machine, on the embedded default, with the mails of fixtures/."""

from __future__ import annotations

import asyncio
import csv
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from mailbot import logs
from mailbot.accounts.importing import import_file
from mailbot.cli import demo_desk, demo_mails, demo_play
from mailbot.cli.demo_desk import Ahead, Member
from mailbot.cli.demo_mails import Captured, DemoMail
from mailbot.cli.demo_table import differs, growing, mark, reason, table
from mailbot.config import (
    AuthenticationSettings,
    CaseBSettings,
    ConsoleSettings,
    DatabaseSettings,
    DeliverySettings,
    ListenerSettings,
    RefusalSettings,
    SecretSettings,
    Settings,
    TicketSettings,
    TrustSettings,
    WebSettings,
)
from mailbot.config.writing import written
from mailbot.errors import ConfigError
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.compose import Parts
from mailbot.service.places import FIXTURES
from mailbot.service.supervision import MailbotService
from mailbot.tickets.listing import outcome_of
from mailbot.trial import acts

_MARK = "made-by-mailbot-demo"
_HEAD = """Settings of the demo: every command works on what it left, as mailbot tickets list --config FILE does.
Its mail server is gone when it has ended."""
_PATIENCE = 60.0  # seconds for one mail to be decided and answered


def demo(once: bool, folder: Path, ports: tuple[int, int]) -> bool:
    """The command. Whether all went as it should."""
    folder = folder.resolve()  # its settings are good from everywhere
    _clean(folder)
    with (folder / "mailbot.log").open("w", encoding="utf-8") as log:
        logs.to(log)
        return asyncio.run(run(folder, ports, played if once else _served))


def _clean(folder: Path) -> None:
    """An empty work folder; a folder that is not ours is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise ConfigError(f"{folder}: is not a work folder of the demo; mend: name an empty one with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


@dataclass(frozen=True, slots=True)
class Fed:
    """A mailbot that has had its mails. told: fixtures/desk.yaml; rows: of the inbox, by the mail's name."""

    parts: Parts
    console: Console
    clock: Ahead
    members: Sequence[Member]
    told: Mapping[str, Any]
    rows: Mapping[str, int]
    folder: Path


async def run(folder: Path, ports: tuple[int, int], then: Callable[[Fed], Awaitable[bool]]) -> bool:
    """A whole mailbot that listens at ``ports`` (web page, desk) while it is fed and ``then`` goes on. Whether both
    went as they should."""
    console, clock = Console(width=None if sys.stdout.isatty() else 150), Ahead()
    told = yaml.safe_load((FIXTURES / "desk.yaml").read_text(encoding="utf-8"))
    captured = Captured(folder / "captured", set(told["full"]))
    async with demo_mails.capturing(captured) as relay_port:
        web, desk = [await _free(port) for port in ports]
        settings = _settings(folder, relay_port, web, desk)
        (folder / "mailbot.toml").write_text(written(settings, _HEAD), encoding="utf-8")
        signed = demo_mails.applications(folder / "trust", settings.authentication.authserv_ids[0], clock())
        service = MailbotService(
            compose.build(settings, clock=clock, resolver=StaticResolver.read(FIXTURES / "dns.yaml"))
        )
        await _load_accounts(service, folder)
        members = [await asyncio.to_thread(demo_desk.hire, service.parts, one) for one in told["operators"]]
        await service.start()
        try:
            feed = _Feed(service, console)
            await feed.show("What becomes of the mails of fixtures/", [*demo_mails.cases(), *signed])
            await feed.show("What comes to the desk beside them", await _letters(told["letters"], feed, captured))
            _tell(service, folder, console, captured, feed.good)
            demo_desk.tell(console, settings.console.public_url, members)
            good = await then(Fed(service.parts, console, clock, members, told, feed.rows, folder))
        finally:
            await service.stop()
    return feed.good and good


async def _letters(told: Sequence[Mapping[str, Any]], feed: _Feed, captured: Captured) -> list[DemoMail]:
    """The letters of fixtures/desk.yaml, some of them answers to what has left."""
    parts = feed.service.parts
    made: list[DemoMail] = []
    for one in told:
        answered = None
        if "answers" in one:
            row, kind = feed.rows[one["answers"]["ticket"]], one["answers"]["mail"]
            answered = captured.of(await parts.database.read(partial(acts.sent_as, row=row, kind=kind)))
        made += demo_mails.letter(one, answered, parts.settings.authentication.authserv_ids[0], parts.clock())
    return made


async def played(fed: Fed) -> bool:
    """Every act of fixtures/desk.yaml, then the proof of it all."""
    play = demo_play.Play(fed.parts, fed.clock, fed.members, fed.rows)
    await play.show(fed.console, fed.told["acts"])
    return await proven(fed) and play.good


async def proven(fed: Fed) -> bool:
    """Whether the audit chain holds, and the dossier of the ticket that fixtures/desk.yaml names."""
    zgl = await fed.parts.database.read(partial(acts.number_of, row=fed.rows[fed.told["dossier"]]))
    words, wrong = await asyncio.to_thread(demo_play.proven, fed.parts, zgl, fed.folder / f"{zgl}.zip")
    fed.console.print(words, markup=False, soft_wrap=True)
    return not wrong


async def _served(fed: Fed) -> bool:
    """Until somebody ends it."""
    fed.console.print("\nServing until you press Ctrl-C.")
    await _stopped()
    return True


def _settings(folder: Path, relay_port: int, web_port: int, desk_port: int) -> Settings:
    return Settings(
        database=DatabaseSettings(f"sqlite:///{folder / 'mailbot.db'}"),
        tickets=TicketSettings(start=2_400_001),
        # The fixtures were written on some day in the past; a real installation keeps the seven days.
        authentication=AuthenticationSettings("mx.helpdesk.example", max_age_days=36_500),
        lmtp=ListenerSettings("127.0.0.1:0", authentication="headers"),
        smtp=ListenerSettings("127.0.0.1:0", authentication="own"),
        delivery=DeliverySettings(host="127.0.0.1", port=relay_port),
        console=ConsoleSettings(f"127.0.0.1:{desk_port}", public_url=f"http://127.0.0.1:{desk_port}"),
        web=WebSettings(f"127.0.0.1:{web_port}", public_url=f"http://127.0.0.1:{web_port}", behind_tls=False),
        refusal=RefusalSettings(0, 0),
        case_b=CaseBSettings(0.0, 0.0),
        trust=TrustSettings(str(folder / "trust")),
        secret=SecretSettings(str(folder / "mailbot.key")),
    )


async def _free(port: int) -> int:
    """``port``, or a free one when somebody has it."""
    loop = asyncio.get_running_loop()
    for wanted in (port, 0):
        try:
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", wanted)
        except OSError:
            continue
        found: int = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return found
    raise ConfigError("no free port on 127.0.0.1")


async def _load_accounts(service: MailbotService, folder: Path) -> None:
    """The fixtures' accounts by the road an office takes: a CSV file and ``mailbot accounts import``."""
    told = yaml.safe_load((FIXTURES / "accounts.yaml").read_text(encoding="utf-8"))
    columns = ("login", "given", "surname", "birth_year", "sex", "scope", "csd", "status")
    file = folder / "accounts.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        for account in told.values():
            year, csd = account.pop("year"), str(account["csd"]).lower()
            writer.writerow({"status": "aktywne", **account, "birth_year": year, "csd": csd})
    parts = service.parts
    await asyncio.to_thread(import_file, file, parts.database.engine, parts.secret, refuse=True)


class _Feed:
    """Hands mails over one after the other and shows what becomes of each. rows: of the inbox, by the mail's name."""

    def __init__(self, service: MailbotService, console: Console) -> None:
        self.service, self.console = service, console
        self.good = True
        self.rows: dict[str, int] = {}
        self._done: set[int] = set()

    async def show(self, title: str, every: Sequence[DemoMail]) -> None:
        """A table, a row a mail."""
        shown = table("mail", "outcome", "ticket", "mails sent")
        with growing(shown, self.console) as live:
            for n, case in enumerate(every, start=1):
                shown.add_row(*await self._row(case))
                shown.title = f"{title} ({n} of {len(every)})"
                live.refresh()

    async def _row(self, case: DemoMail) -> tuple[str, ...]:
        row = await asyncio.to_thread(demo_mails.hand_over, case, self.service.addresses[case.via])
        again = row in self._done
        result: dict[str, Any] = {"outcome": "DUPLICATE", "mails": []}
        if not again:
            result = await _result(self.service, row)
        self._done.add(row)
        self.rows[case.name] = row
        wrong = differs(case.expect, result)
        self.good = self.good and not wrong
        outcome = mark(result["outcome"], wrong)
        number, mails = str(result.get("ticket") or "–"), " ".join(result["mails"]) or "–"
        return case.name, outcome, number, mails, reason(case.why, wrong)


async def _result(service: MailbotService, row: int) -> dict[str, Any]:
    """What became of inbox row ``row``, once it is decided and its mails were accepted."""
    async with asyncio.timeout(_PATIENCE):
        while (result := await service.parts.database.read(partial(outcome_of, row=row))) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the demo looks at the database as a person would, again and again
    return result


def _tell(service: MailbotService, folder: Path, console: Console, captured: Captured, good: bool) -> None:
    """Where to look."""
    address = service.parts.settings.web.public_url
    links = []
    for message in captured:
        if message["Subject"] == "PUESC: Zmiana adresu email":
            text = next(p for p in message.walk() if p.get_content_type() == "text/plain").get_payload(decode=True)
            words = text.decode().split() if isinstance(text, bytes) else []
            links += [word for word in words if word.startswith(address)]
    host, port = service.addresses["lmtp"]
    console.print(
        f"\n{'Every mail met its expected outcome.' if good else 'Some mails did NOT meet their expected outcome.'}"
    )
    console.print(f"web page:        {address}/", markup=False)
    console.print(f"activation link: {links[0] if links else 'none was sent'}", markup=False, soft_wrap=True)
    console.print(f"captured mails:  {folder / 'captured'} (Maildir)", markup=False)
    console.print(f"database:        {folder / 'mailbot.db'}   log: {folder / 'mailbot.log'}", markup=False)
    typed = sys.argv[0] if Path(sys.argv[0]).name == "mailbot" else "mailbot"  # it need not be in the PATH
    console.print(
        f"every command:   {typed} tickets list --config {folder / 'mailbot.toml'}", markup=False, soft_wrap=True
    )
    smtp_host, smtp_port = service.addresses["smtp"]
    console.print(f"write to it:     LMTP {host}:{port}, SMTP {smtp_host}:{smtp_port}", markup=False)


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
