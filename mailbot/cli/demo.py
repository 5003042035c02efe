"""``mailbot demo``: the whole story on this machine, on the embedded default, with the mails of fixtures/."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import mailbox
import shutil
import signal
import smtplib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from aiosmtpd.smtp import SMTP, Envelope, Session
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table
from sqlalchemy import Connection, select

from mailbot import logs
from mailbot.accounts.importing import import_file
from mailbot.cli import demo_applications
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
from mailbot.errors import ConfigError
from mailbot.observe import utc_now
from mailbot.outbox import jobs
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.supervision import Service
from mailbot.storage import schema

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
_MARK = "made-by-mailbot-demo"
_WEB_PORT = 8080
_PATIENCE = 60.0  # seconds for one mail to be decided and answered


@click.command()
@click.option("--once", is_flag=True, help="End when every mail is through: 0 only if all met their expected outcome.")
@click.option(
    "--folder",
    default=".demo",
    type=click.Path(path_type=Path, file_okay=False),
    show_default=True,
    help=("Work folder: database, key, captured mail. Made anew at each start."),
)
@click.option("--port", default=_WEB_PORT, show_default=True, help="Port of the web page; a free one when taken.")
def demo(once: bool, folder: Path, port: int) -> None:
    """Feed the mails of fixtures/ to a complete mailbot on this machine and show what happens to each."""
    _clean(folder)
    with (folder / "mailbot.log").open("w", encoding="utf-8") as log:
        logs.to(log)
        good = asyncio.run(_demo(folder, port, once))
    raise SystemExit(0 if good else 1)


def _clean(folder: Path) -> None:
    """An empty work folder; a folder that is not ours is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise ConfigError(f"{folder}: is not a work folder of the demo; mend: name an empty one with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture: the mail, how it comes in and what must become of it."""

    name: str
    raw: bytes
    via: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    expect: dict[str, Any]
    why: str


def cases(folder: Path = FIXTURES) -> list[Case]:
    """The cases of fixtures/mail in order. The form is told in fixtures/README.md.

    Without those that have a history of their own: here all share one database, so only a copy of an earlier mail can
    come with its history.
    """
    found: list[Case] = []
    for file in sorted((folder / "mail").glob("*.eml")):
        if file.with_suffix(".state.yaml").exists() and file.read_bytes() not in (case.raw for case in found):
            continue
        told = yaml.safe_load(file.with_suffix(".yaml").read_text(encoding="utf-8"))
        envelope = told.get("envelope", {})
        to = tuple(envelope.get("rcpt_to", ("helpdesk-eclo@mf.gov.pl",)))
        sender = envelope.get("mail_from", "")
        found.append(Case(file.stem, file.read_bytes(), told["via"], sender, to, told["expect"], told["why"]))
    return found


def applications(trust: Path, authserv_id: str, folder: Path = FIXTURES) -> list[Case]:
    """The cases of fixtures/case_b.yaml, signed now; the anchors of their keys lie in ``trust`` afterwards."""
    to = ("helpdesk-eclo@mf.gov.pl",)
    return [
        Case(told["name"], raw, "lmtp", told["sender"], to, told["expect"], told["why"])
        for told, raw in demo_applications.mails(folder, trust, authserv_id, utc_now())
    ]


async def _demo(folder: Path, port: int, once: bool) -> bool:
    console = Console(width=None if sys.stdout.isatty() else 150)
    async with _capture(folder / "captured") as relay_port:
        settings = _settings(folder, relay_port, await _free(port))
        signed = applications(folder / "trust", settings.authentication.authserv_ids[0])
        service = Service(compose.build(settings, resolver=StaticResolver.read(FIXTURES / "dns.yaml")))
        await _load_accounts(service, folder)
        await service.start()
        try:
            good = await _feed(service, console, [*cases(), *signed])
            _tell(service, settings, folder, console, good)
            if not once:
                console.print("\nServing until you press Ctrl-C.")
                await _stopped()
        finally:
            await service.stop()
    return good


def _settings(folder: Path, relay_port: int, web_port: int) -> Settings:
    return Settings(
        database=DatabaseSettings(f"sqlite:///{folder / 'mailbot.db'}"),
        tickets=TicketSettings(start=2_400_001),
        # The fixtures were written on some day in the past; a real installation keeps the seven days.
        authentication=AuthenticationSettings("mx.helpdesk.example", max_age_days=36_500),
        lmtp=ListenerSettings("127.0.0.1:0", authentication="headers"),
        smtp=ListenerSettings("127.0.0.1:0", authentication="own"),
        delivery=DeliverySettings(host="127.0.0.1", port=relay_port),
        console=ConsoleSettings(""),
        web=WebSettings(f"127.0.0.1:{web_port}", public_url=f"http://127.0.0.1:{web_port}", behind_tls=False),
        refusal=RefusalSettings(0, 0),
        case_b=CaseBSettings(0.0, 0.0),
        trust=TrustSettings(str(folder / "trust")),
        secret=SecretSettings(str(folder / "mailbot.key")),
    )


class _Capture:
    """Keeps every mail that mailbot sends, instead of the world."""

    def __init__(self, folder: Path) -> None:
        self._maildir = mailbox.Maildir(folder)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        await asyncio.to_thread(self._maildir.add, content)
        return "250 2.0.0 kept"


@contextlib.asynccontextmanager
async def _capture(folder: Path) -> AsyncIterator[int]:
    handler = _Capture(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


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


async def _load_accounts(service: Service, folder: Path) -> None:
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


async def _feed(service: Service, console: Console, every: list[Case]) -> bool:
    table = Table(
        Column("mail", no_wrap=True),
        Column("outcome", no_wrap=True),
        Column("ticket", no_wrap=True),
        Column("mails sent", no_wrap=True),
        Column("why", ratio=1),
        expand=True,
    )
    good, done = True, set[int]()
    with Live(table, console=console, refresh_per_second=8, vertical_overflow="visible") as live:
        for n, case in enumerate(every, start=1):
            row = await asyncio.to_thread(_hand_over, case, service.addresses[case.via])
            result = await _result(service, row) if row not in done else {"outcome": "DUPLICATE", "mails": []}
            done.add(row)
            wrong = {
                key: case.expect[key] for key in result.keys() & case.expect.keys() if result[key] != case.expect[key]
            }
            good = good and not wrong
            outcome = f"[green]✓[/] {result['outcome']}" if not wrong else f"[red]✗ {result['outcome']}[/]"
            why = case.why if not wrong else f"[red]expected {wrong}[/] {case.why}"
            table.add_row(case.name, outcome, str(result.get("ticket") or "–"), " ".join(result["mails"]) or "–", why)
            table.title = f"What becomes of the mails of fixtures/ ({n} of {len(every)})"
            live.refresh()
    return good


async def _result(service: Service, row: int) -> dict[str, Any]:
    """What became of inbox row ``row``, once it is decided and its mails were accepted."""

    def look(connection: Connection) -> dict[str, Any] | None:
        inbox, ticket, outbox = schema.inbox, schema.ticket, schema.outbox
        wanted = select(inbox.c.state, inbox.c.outcome, ticket.c.number, ticket.c.id, ticket.c.category, ticket.c.state)
        found = connection.execute(
            wanted.outerjoin(ticket, ticket.c.id == inbox.c.ticket_id).where(inbox.c.id == row)
        ).one()
        if found[0] not in (jobs.DONE, jobs.BURIED):
            return None
        mails = connection.execute(
            select(outbox.c.kind, outbox.c.state).where(outbox.c.ticket_id == found[3]).order_by(outbox.c.ordinal)
        ).all()
        if any(mail.state not in (jobs.DONE, jobs.BURIED) for mail in mails):
            return None
        result = {"outcome": found[1], "mails": [mail.kind for mail in mails if mail.state == jobs.DONE]}
        return result | ({"ticket": found[2], "category": found[4], "state": found[5]} if found[2] else {})

    async with asyncio.timeout(_PATIENCE):
        while (result := await service.parts.database.read(look)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the demo looks at the database as a person would, again and again
    return result


def _hand_over(case: Case, address: tuple[str, int]) -> int:
    """Over the wire, as an MTA would: LMTP behind our MX, or SMTP from outside. Returns the row told in the 250."""
    protocol = smtplib.LMTP if case.via == "lmtp" else smtplib.SMTP
    with protocol(*address) as client:
        client.ehlo("client.example")
        utf8 = ["SMTPUTF8"] if not case.mail_from.isascii() else []
        client.mail(case.mail_from, [*utf8, f"SIZE={len(case.raw)}"])
        for recipient in case.rcpt_to:
            client.rcpt(recipient)
        code, answer = client.data(case.raw)
        if code != 250:
            raise ConfigError(f"{case.name}: not taken: {code} {answer!r}")
        return int(answer.split()[-1])


def _tell(service: Service, settings: Settings, folder: Path, console: Console, good: bool) -> None:
    """Where to look."""
    links = []
    for message in mailbox.Maildir(folder / "captured"):
        if message["Subject"] == "PUESC: Zmiana adresu email":
            text = next(p for p in message.walk() if p.get_content_type() == "text/plain").get_payload(decode=True)
            words = text.decode().split() if isinstance(text, bytes) else []
            links += [word for word in words if word.startswith(settings.web.public_url)]
    host, port = service.addresses["lmtp"]
    console.print(
        f"\n{'Every mail met its expected outcome.' if good else 'Some mails did NOT meet their expected outcome.'}"
    )
    console.print(f"web page:        {settings.web.public_url}/", markup=False)
    console.print(f"activation link: {links[0] if links else 'none was sent'}", markup=False, soft_wrap=True)
    console.print(f"captured mails:  {folder / 'captured'} (Maildir)", markup=False)
    console.print(f"database:        {folder / 'mailbot.db'}   log: {folder / 'mailbot.log'}", markup=False)
    smtp_host, smtp_port = service.addresses["smtp"]
    console.print(f"write to it:     LMTP {host}:{port}, SMTP {smtp_host}:{smtp_port}", markup=False)


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
