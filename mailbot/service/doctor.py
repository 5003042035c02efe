"""Everything the settings name, tried without changing anything: what does not work, and the mend."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from mailbot import processes, scanner
from mailbot.application import sample
from mailbot.application.isolated import Readers
from mailbot.config import ListenerSettings, Settings, outdated
from mailbot.csd import queue
from mailbot.delivery import webhook
from mailbot.delivery.smtp import Relay
from mailbot.desk import ailments, health
from mailbot.errors import ConfigError, DatabaseUnavailable, MailbotError, RulesError
from mailbot.inbox import read_cursor
from mailbot.ingress import imap
from mailbot.ingress.certificate import Certificate
from mailbot.ingress.imap_claim import Claim
from mailbot.ingress.smtp import listen_address
from mailbot.mails import proof
from mailbot.oauth import Tokens, tokens_of
from mailbot.observe import utc_now
from mailbot.ruleset import loader
from mailbot.ruleset.findings import Level
from mailbot.service import compose, doctor_api, doctor_database, doctor_mx, doctor_office, refusals
from mailbot.storage.breaker import breaker
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, target
from mailbot.storage.mailbox import mailbox_claim
from mailbot.storage.oauth import oauth
from mailbot.storage.reading import has_table, missing_file, read_only
from mailbot.storage.schema import ruleset_load
from mailbot.storage.shared import process
from mailbot.storage.webhooks import webhook_head
from mailbot.tickets.breaker import stopped
from mailbot.tickets.sending import refused_us

_SKEW = timedelta(seconds=10)
_LOW_DISK = 500 * 2**20  # octets


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was tried. ``mend`` is empty when it works."""

    what: str
    works: bool
    detail: str
    mend: str = ""


async def examine(settings: Settings) -> list[Diagnosis]:
    """Every check, in the order of the flow; one that fails does not stop the next."""
    found = [
        *(Diagnosis("settings", False, *one.split("; mend: ")) for one in outdated(settings)),
        await _try(
            "database",
            _in_thread(doctor_database.database, settings),
            "check [database] url and that the folder is writable",
        ),
        await _try("key", _in_thread(doctor_database.key, settings), "restore the key file and chmod 600 it"),
        await _try("keys", _in_thread(doctor_database.store, settings), "check [keys] url"),
        await _try("rules", _in_thread(_rules, settings), "run `mailbot rules check` and mend what it names"),
        await _try(
            "active rules", _in_thread(_active_rules, settings), "mend the folder: a running worker takes it by itself"
        ),
        await _try("machines", _in_thread(_machines, settings), "copy the folder from a machine that has it in force"),
        *([await _registry(settings)] if settings.accounts.source == "scim" else []),
        await _try(
            "disk", _in_thread(_disk, settings), "make room: mail is refused with 4xx when nothing can be stored"
        ),
    ]
    for name, listener in (("lmtp", settings.lmtp), ("smtp", settings.smtp)):
        if listener.listen:
            found.append(await _try(name, _listener(listener), f"free the port, or change [{name}] listen"))
    found += [
        await _try(f"port of {name}", _port(listen), f"free the port, or change [{name}] listen")
        for name in ("web", "console", "api", "health")
        if (listen := getattr(settings, name).listen)
    ]
    if tokens := tokens_of(settings):
        mend = "have the provider's administrator renew the secret or the consent ([oauth]), and write it into its file"
        found.append(await _try("oauth", _oauth(tokens), mend))
    if settings.imap.host:
        mend = "check [imap] host, port, tls, user, the secret's file and the folders' names"
        found.append(await _try("imap", _imap(settings), mend))
    if settings.scanner.address:
        found.append(await _try("scanner", _scanner(settings), "start clamd, or check [scanner] address"))
    if settings.csd.url:
        found.append(await _try("csd", _csd(settings), "check [csd], and what `mailbot csd status` says"))
    if settings.api.listen:
        mend = "make one for each system: mailbot tokens add NAME --role consultant; then revoke the old one"
        found.append(await _try("api", _in_thread(doctor_api.look, settings), mend))
    return [
        *found,
        await _try(
            "delivery",
            _delivery(settings),
            "check [delivery] host, port, tls and login, and that the server lets them send as the helpdesk to anybody",
        ),
        await _try(
            "breaker",
            _in_thread(_breaker, settings),
            "see `mailbot breaker show`, then `mailbot breaker lift`",
        ),
        await _try(
            "authentication", _authentication(settings), "describe your MX in [authentication] as docs/mx.md says"
        ),
        await _try("reader of applications", _reader(settings), sample.MEND),
        await _try("work", _in_thread(_work, settings), "each of them names its own"),
        *[await _try(one.what, _in_thread(one.look, settings), one.mend) for one in doctor_office.CHECKS],
    ]


def _in_thread(check: Callable[..., str], *arguments: object) -> Awaitable[str]:
    return asyncio.to_thread(check, *arguments)


async def _try(what: str, check: Awaitable[str], mend: str) -> Diagnosis:
    try:
        async with asyncio.timeout(30):
            return Diagnosis(what, True, await check)
    except TimeoutError:
        return Diagnosis(what, False, "no answer within 30 s", mend)
    except DatabaseUnavailable as error:
        return _unread(what, refusals.plainly(error) or error, mend)
    except MailbotError as error:
        detail, _, own = error.reason.partition("; mend: ")
        if own and "\n" not in own:
            return Diagnosis(what, False, detail, own)
        return Diagnosis(what, False, error.reason, mend)
    except Exception as error:
        return Diagnosis(what, False, f"{type(error).__name__}: {error}", mend)


def _unread(what: str, error: MailbotError, mend: str) -> Diagnosis:
    """Only what looks at the database itself names its mend: who put back a good key would lose by it. What may pass is
    told with the check's own mend: that of a command is to ask the doctor."""
    detail, _, own = error.reason.partition("; mend: ")
    if what == "database" or detail.startswith(f"[{what}]"):
        return Diagnosis(what, False, detail, mend if error.temporary else own or mend)
    return Diagnosis(what, False, f"not known: {detail}", "mend the database or its store of keys first")


async def _reader(settings: Settings) -> str:
    """A small PDF is read as a citizen's would be, in a locked process."""
    readers = Readers(1, settings.signatures.deadline_seconds)
    async with readers:
        await readers.prove()
    return "a page was drawn, read and recognised in the locked process"


def _rules(settings: Settings) -> str:
    directory = compose.rules_directory(settings.rules.directory)
    errors = [str(finding) for finding in proof.check(directory) if finding.level is Level.ERROR]
    if errors:
        raise RulesError("\n".join(errors))
    return f"{directory}: {len(loader.load(directory).rules)} rules"


def _active_rules(settings: Settings) -> str:
    """What the workers say: they go on with the last set that was right."""
    found = None
    if missing_file(settings.database.url) is None:
        with read_only(settings.database.url) as connection:
            if has_table(connection, ruleset_load.name):
                found = health.loads(connection)
    if found is None or found.hash is None:
        return "no worker has run yet"
    active = f"{found.hash[:12]} decides since {found.at:%Y-%m-%d %H:%M}Z"
    if found.mistakes is not None:
        raise RulesError(f"{active}; refused at {found.refused_at:%Y-%m-%d %H:%M}Z:\n{found.mistakes}")
    return active


def _work(settings: Settings) -> str:
    """What the running processes do, as the database tells it; the same that /statusz says."""
    if missing_file(settings.database.url) is not None:
        return "nothing was done yet"
    with read_only(settings.database.url) as connection:
        if not has_table(connection, oauth.name):
            return "the schema is of an older mailbot and is brought up to date at the next start"
        found = ailments.examine(connection, utc_now(), settings)
    if found:
        raise ConfigError("\n".join(f"{one.words}; mend: {one.mend}" for one in found))
    return "nothing is late, given up or refused"


def _machines(settings: Settings) -> str:
    """Who works with this database, and whether all have one rule set: this folder's."""
    if missing_file(settings.database.url) is not None:
        return "no process has run yet"
    with read_only(settings.database.url) as connection:
        if not has_table(connection, process.name):
            return "no process has run yet"
        known, there = processes.in_force(connection), processes.living(connection, processes.common_now(connection))
    here = loader.load(compose.rules_directory(settings.rules.directory)).hash
    others = [f"{one.name} ({one.roles}) has {one.ruleset[:12]}" for one in there if one.ruleset != known]
    if known is not None and there and here != known:
        others.append(f"this folder has {here[:12]}")
    if others:
        raise RulesError(f"{str(known)[:12]} is in force; decides nothing until it has that: {'; '.join(others)}")
    return ", ".join(f"{one.name} ({one.roles}; {one.version})" for one in there) or "no process runs"


async def _registry(settings: Settings) -> Diagnosis:
    mend = "check [accounts] url, token_file or certificate, ca_file, and what docs/registry.md asks of the registry"
    return await _try("registry of accounts", _scim(settings), mend)


async def _scim(settings: Settings) -> str:
    """What the registry can do, and what is done instead of what it cannot."""
    registry = compose.scim_registry(settings, utc_now)
    means, known = await registry.means(), await registry.knows_extension()
    if not means.filter:
        raise ConfigError("it cannot filter: no login can be looked up, and every mail waits")
    await registry.find("doctor@mailbot.invalid")
    if lacking := {"birthYear", "lastChange"} - known:
        raise ConfigError(f"its schema of accounts lacks {', '.join(sorted(lacking))}: links cannot be used")
    instead = "" if means.patch else "; no PATCH: the whole resource is replaced (PUT)"
    instead += "" if means.etag else "; no ETag: of two changes at once the later wins, and mailbot cannot see it"
    instead += "" if "peselHash" in known else "; no peselHash: every change of login goes to a person"
    return f"answers{instead}"


def _disk(settings: Settings) -> str:
    url = target(settings.database.url)
    folder = Path(url.database or ".").resolve().parent if url.get_backend_name() == "sqlite" else Path.cwd()
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK:
        raise ConfigError(f"{folder}: only {free // 2**20} MiB free")
    return f"{folder}: {free // 2**20} MiB free"


async def _listener(settings: ListenerSettings) -> str:
    if settings.tls_certificate:
        Certificate(settings.tls_certificate, settings.tls_key).refuse_ended(utc_now())
    return await _port(settings.listen)


async def _port(listen: str) -> str:
    host, port = listen_address(listen)
    if port and await _answers(host, port):
        return f"{listen}: something listens there (a running mailbot does)"
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    server.close()
    return f"{listen} can be opened"


async def _answers(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def _imap(settings: Settings) -> str:
    """Before the first start also how much of what lies there is too old for a machine."""
    mailbox = settings.imap.mailbox
    old = utc_now().date() - timedelta(days=settings.intake.oldest_days)
    if not await asyncio.to_thread(_was_claimed, settings):
        return await imap.probe(settings.imap, None, old, tokens_of(settings))
    database = Database(connect(settings.database.url))
    try:
        cursor = await database.read(lambda connection: read_cursor(connection, mailbox))
        claim = Claim(settings.imap, database, mailbox, utc_now)
        return await imap.probe(settings.imap, claim, None if cursor else old, tokens_of(settings))
    finally:
        await database.close()


def _was_claimed(settings: Settings) -> bool:
    """Whether the database can say which installation reads the mailbox."""
    if missing_file(settings.database.url) is not None:
        return False
    with read_only(settings.database.url) as connection:
        return has_table(connection, mailbox_claim.name)


async def _oauth(tokens: Tokens) -> str:
    await tokens.access()
    until = tokens.expires_at()
    if until is None:
        return "a token was issued; nobody told when the secret ends ([oauth] secret_expires)"
    left = f"the secret or the refresh token ends on {until:%Y-%m-%d}"
    if until - utc_now() < ailments.EXPIRING:
        raise ConfigError(left)
    return f"a token was issued; {left}"


async def _delivery(settings: Settings) -> str:
    relay = Relay(settings.delivery, tokens=tokens_of(settings))
    try:
        await relay.probe()
    finally:
        await relay.close()
    if refused := await asyncio.to_thread(_refused_mails, settings):
        raise ConfigError(f"{len(refused)} mails wait because the server refuses mailbot itself; last: {refused[0]}")
    return f"{settings.delivery.host}:{settings.delivery.port} answers"


def _refused_mails(settings: Settings) -> Sequence[str]:
    """What the workers heard, newest first: a probe is not told all that a mail is."""
    if missing_file(settings.database.url) is not None:
        return ()
    try:
        with read_only(settings.database.url) as connection:
            return refused_us(connection)
    except DatabaseUnavailable:  # told as "database", or the schema is brought up to date at the next start
        return ()


def _breaker(settings: Settings) -> str:
    if missing_file(settings.database.url) is not None:
        return "nothing was stopped"
    with read_only(settings.database.url) as connection:
        held = stopped(connection) if has_table(connection, breaker.name) else ()
    if held:
        raise ConfigError(f"too much left by itself: mails to {', '.join(sorted(held))} wait")
    return "nothing is stopped"


async def _scanner(settings: Settings) -> str:
    told = await scanner.version(settings.scanner)
    if not isinstance(told, str):
        raise ConfigError(told.failed)
    return told


async def _csd(settings: Settings) -> str:
    """Its secrets and its port; that it takes events, only an event would tell. What the worker heard is told."""
    count = await asyncio.to_thread(_csd_secrets, settings)
    place = urlsplit(settings.csd.url)
    secure = webhook.trust(settings.csd) if place.scheme == "https" else None
    _, writer = await asyncio.open_connection(place.hostname, place.port or (443 if secure else 80), ssl=secure)
    writer.close()
    if told := await asyncio.to_thread(_csd_troubles, settings):
        raise ConfigError("; ".join(told))
    return f"{place.hostname} answers, {count} secrets"


def _csd_secrets(settings: Settings) -> int:
    count = len(webhook.secrets(settings.csd))
    if Path(settings.csd.secrets_file).stat().st_mode & 0o077:
        raise ConfigError(f"{settings.csd.secrets_file} can be read by others")
    return count


def _csd_troubles(settings: Settings) -> Sequence[str]:
    if missing_file(settings.database.url) is not None:
        return ()
    with read_only(settings.database.url) as connection:
        return queue.troubles(queue.standing(connection)) if has_table(connection, webhook_head.name) else ()


async def _authentication(settings: Settings) -> str:
    listeners = (settings.lmtp, settings.smtp)
    needed = settings.imap.host or any(one.listen and one.authentication == "headers" for one in listeners)
    if not needed:
        return "not needed: senders are checked by mailbot itself"
    return await asyncio.to_thread(doctor_mx.look, settings)
