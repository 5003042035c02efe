"""``mailbot doctor`` looks at what an office forgets: a way in, accounts, trust, the helpdesk's address, the clocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.installation import hiding
from mailbot.observe import utc_now
from mailbot.ruleset import loader
from mailbot.secret import Hiding
from mailbot.service.hiding import left
from mailbot.service.places import rules_directory
from mailbot.signatures.trust import store
from mailbot.storage.reading import has_table, missing_file, read_only, server_clock
from mailbot.storage.schema import account, inbox
from mailbot.workers.presence import APART


class Check(NamedTuple):
    """One question, and the mend when its answer is a failure."""

    what: str
    look: Callable[[Settings], str]
    mend: str


def way_in(settings: Settings) -> str:
    """Raises ConfigError when no mail can come."""
    ways = [f"[{name}]" for name, one in (("lmtp", settings.lmtp), ("smtp", settings.smtp)) if one.listen]
    ways += ["[imap]"] if settings.imap.host else []
    if not ways:
        raise ConfigError("no mail can come in")
    return ", ".join(ways)


def accounts(settings: Settings) -> str:
    """Raises ConfigError when nobody has an account. A registry elsewhere is asked by a check of its own."""
    if settings.accounts.source != "sql":
        return "in the registry"
    found = 0
    if missing_file(settings.database.url) is None:
        with read_only(settings.database.url) as connection:
            if has_table(connection, account.name):
                found = connection.execute(select(func.count()).select_from(account)).scalar_one()
    if not found:
        raise ConfigError("there are none: whoever writes hears that his login is unknown")
    return f"{found} accounts"


def contacts(settings: Settings) -> str:
    """Raises ConfigError, RulesError when mails would name two addresses of the helpdesk."""
    directory = rules_directory(settings.rules.directory)
    named, ours = loader.load(directory).contacts.helpdesk, settings.helpdesk.address
    if named.casefold() != ours.casefold():
        raise ConfigError(f"[helpdesk] address is {ours}, but {directory / 'contacts.yaml'} lets texts name {named}")
    return ours


def trust(settings: Settings) -> str:
    """Raises ConfigError when the folder of trusted lists is missing, empty, broken or old."""
    if not settings.trust.directory:
        return "no folder: every signature goes to a person"
    now = utc_now()
    found = store.load(Path(settings.trust.directory), now)
    old = [f"the list {one.territory} is overdue" for one in found.lists if one.stale(now)]
    if old or found.problems:
        raise ConfigError("\n".join([*old, *found.problems]))
    return found.snapshot


def clock(settings: Settings) -> str:
    """Raises ConfigError when the clock is before what this machine, or the database, has seen already."""
    now = utc_now()
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if now < made:
        raise ConfigError(f"the clock says {now:%Y-%m-%d %H:%M}Z, before this program was made")
    if missing_file(settings.database.url) is None:
        with read_only(settings.database.url) as connection:
            _compare(connection)
    return f"{now:%Y-%m-%d %H:%M}Z"


def _compare(connection: Connection) -> None:
    theirs, now = server_clock(connection), utc_now()
    if theirs is not None and abs(theirs - now) > APART:
        raise ConfigError(
            f"the server of the database says {theirs:%Y-%m-%d %H:%M:%S}Z, this machine {now:%Y-%m-%d %H:%M:%S}Z:"
            " it sends no warning of case B, and nothing that waits behind one"
        )
    if has_table(connection, inbox.name):
        newest = connection.execute(select(func.max(inbox.c.received_at))).scalar_one()
        if newest is not None and newest - utc_now() > APART:
            raise ConfigError(
                f"the clock says {utc_now():%Y-%m-%d %H:%M}Z, but a mail came at {newest:%Y-%m-%d %H:%M}Z"
            )


def addresses(settings: Settings) -> str:
    """Raises ConfigError when addresses are to be sealed, and some are not yet."""
    if missing_file(settings.database.url) is not None:
        return "will be sealed"
    with read_only(settings.database.url) as connection:
        how = hiding(connection)
        if how is Hiding.NO:
            return "readable in the database; when every machine has this version: mailbot key seal"
        if open_ := left(connection) if how is Hiding.BEGUN else {}:
            raise ConfigError("readable still: " + ", ".join(f"{count} of {name}" for name, count in open_.items()))
    return "sealed"


CHECKS: Sequence[Check] = (
    Check("way in", way_in, "set [lmtp] listen or [imap] host (docs/operating.md, Settings)"),
    Check("accounts", accounts, "mailbot accounts import FILE.csv"),
    Check("contacts", contacts, "write the same address into [helpdesk] address and rules/contacts.yaml"),
    Check("trust", trust, "mailbot trust update, and mailbot trust show (docs/trust.md)"),
    Check("clock", clock, "set the system's clock (NTP)"),
    Check("addresses", addresses, "mailbot key seal ends what was begun"),
)
