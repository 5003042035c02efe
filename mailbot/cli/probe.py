"""``mailbot probe``: a mail through everything, measured; for a person and for Nagios and its relatives."""

from __future__ import annotations

import asyncio
import smtplib
import time
from pathlib import Path

import click

from mailbot import probes
from mailbot.cli import options
from mailbot.config import Settings
from mailbot.errors import ConfigError, MailbotError, TemporaryError
from mailbot.ingress.imap import log_in
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.smtp import listen_address
from mailbot.installation import find_key
from mailbot.oauth import tokens_of
from mailbot.observe import utc_now
from mailbot.probes import TABLE, ProbeProgress
from mailbot.service import compose
from mailbot.storage.engine import transaction
from mailbot.storage.reading import has_table, read_only

_OK, _WARNING, _CRITICAL = 0, 1, 2
_NOTHING = ProbeProgress(None, None, None, None)
_LOOK = 0.25  # seconds between two looks
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # where to ask who listens there


@click.command()
@click.option("--warn", default=30.0, show_default=True, help="Seconds: a slower answer is a warning.")
@click.option("--timeout", "patience", default=90.0, show_default=True, help="Seconds: no answer by then is a failure.")
@options.config
@options.as_json
def probe(warn: float, patience: float, config_file: Path | None, as_json: bool) -> None:
    """Send a mail through everything and wait for its answer.

    It is put into the way in; a worker recognises it, and the outgoing server takes the answer to [probe] address. It
    opens no ticket and counts as nobody's mail. Exit code as for Nagios: 0 answered, 1 answered late, 2 not answered;
    78: a setting is wrong.
    """
    settings = compose.settings(config_file)
    if not settings.probe.address:
        raise ConfigError("[probe] address: is empty; mend: name the address that answers to probes go to")
    if not any((settings.lmtp.listen, settings.smtp.listen, settings.imap.host)):
        raise ConfigError("no way in for mail; mend: set [lmtp] listen, [imap] host or [smtp] listen")
    try:
        found = _through(settings, patience)
        told, code = _judged(found, warn)
    except TemporaryError as error:
        found, told, code = _NOTHING, error.reason, _CRITICAL
    if as_json:
        row = {"id": found.inbox_id, "recognised": found.recognised, "answered": found.answered}
        options.line({"state": ("ok", "warning", "critical")[code], **row, "text": told})
    else:
        numbers = f" | answered={found.answered:.2f}s;{warn:g};{patience:g}" if found.answered is not None else ""
        told = told.replace("|", "/")  # behind it the numbers begin
        click.echo(f"MAILBOT {('OK', 'WARNING', 'CRITICAL')[code]}: {told}{numbers}")
    raise SystemExit(code)


def _through(settings: Settings, patience: float) -> ProbeProgress:
    """Send one and watch it. Raises ConfigError, TemporaryError."""
    helpdesk, url = settings.helpdesk, settings.database.url
    with read_only(url) as connection:
        if not has_table(connection, TABLE):
            raise ConfigError("[database] url: is of an older mailbot; mend: start mailbot run once")
        secret = find_key(connection, Path(settings.secret.key_file))
    if secret is None:
        raise ConfigError("[secret] key_file: is not there; mend: start mailbot once")
    with transaction(url) as connection:
        nonce = probes.announce(connection, helpdesk.sending_address, settings.probe.address, utc_now())
    until = time.monotonic() + patience
    _send(settings, probes.mail(secret, nonce, helpdesk.sending_address, helpdesk.address, utc_now()))
    while True:
        with read_only(url) as connection:
            found = probes.progress(connection, nonce)
        if found.answered is not None or time.monotonic() >= until:
            return found
        time.sleep(_LOOK)


def _judged(found: ProbeProgress, warn: float) -> tuple[str, int]:
    if found.answered is not None:
        late = found.answered > warn
        return f"answered after {found.answered:.1f} s", _WARNING if late else _OK
    if found.recognised is None:
        return "was sent, and no worker has recognised it", _CRITICAL
    said = f": {found.failure}" if found.failure else ""
    return (
        f"recognised after {found.recognised:.1f} s, and the outgoing server has not taken its answer{said}",
        _CRITICAL,
    )


def _send(settings: Settings, raw: bytes) -> None:
    """Into the first way in that there is. Raises TemporaryError when it does not take the mail."""
    sender, recipient = settings.helpdesk.sending_address, settings.helpdesk.address
    try:
        for kind, listener in ((smtplib.LMTP, settings.lmtp), (smtplib.SMTP, settings.smtp)):
            if listener.listen:
                host, port = listen_address(listener.listen)
                with kind(_ANYWHERE.get(host, host), port, timeout=30) as client:
                    client.sendmail(sender, [recipient], raw)
                return
        asyncio.run(_append(settings, raw))
    except (OSError, smtplib.SMTPException, TimeoutError) as error:
        raise TemporaryError(f"the way in does not take it: {type(error).__name__}") from error
    except ConfigError:
        raise
    except MailbotError as error:
        raise TemporaryError(f"the way in does not take it: {error.reason}") from error


async def _append(settings: Settings, raw: bytes) -> None:
    connection = await ImapConnection.open(settings.imap)
    try:
        await log_in(connection, settings.imap, tokens_of(settings))
        await connection.append(settings.imap.folder, raw.decode("ascii"))
    finally:
        connection.abort()
