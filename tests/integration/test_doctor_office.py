"""What an office forgets is found by the doctor, with the mend."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from mailbot.config import HelpdeskSettings, ImapSettings, ListenerSettings, Settings, TrustSettings
from mailbot.errors import MailbotError
from mailbot.observe import utc_now
from mailbot.service import compose, doctor_office
from mailbot.storage.engine import connect
from mailbot.storage.schema import inbox
from tests.flow import add_accounts, settings
from tests.trusted_lists import Edition, list_of_lists, polish_list
from tests.unit.signatures.test_trust_store import EU, NOW, PL, SERVICE, folder

CHECKS = {one.what: one for one in doctor_office.CHECKS}


@pytest.fixture
def office(tmp_path: Path) -> Settings:
    """A database with accounts, and a folder without a list."""
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    engine = connect(chosen.database.url)
    compose.opened(chosen, engine)
    add_accounts(engine)
    engine.dispose()
    (tmp_path / "trust").mkdir()
    return chosen


def no_way(chosen: Settings, _folder: Path) -> Settings:
    return replace(chosen, lmtp=ListenerSettings(""))


def no_accounts(chosen: Settings, folder: Path) -> Settings:
    (folder / "mailbot.db").rename(folder / "other.db")
    return chosen


def empty_trust(chosen: Settings, folder: Path) -> Settings:
    return replace(chosen, trust=TrustSettings(str(folder / "trust")))


def no_trust(chosen: Settings, folder: Path) -> Settings:
    return replace(chosen, trust=TrustSettings(str(folder / "absent")))


def address(chosen: Settings, _folder: Path) -> Settings:
    return replace(chosen, helpdesk=HelpdeskSettings("pomoc@inny.example"))


def clock_set_back(chosen: Settings, _folder: Path) -> Settings:
    engine = connect(chosen.database.url)
    later = utc_now() + timedelta(hours=2)
    row = {"source": "lmtp", "delivery_key": "1", "sha256": "", "size": 1, "envelope": {}}
    with engine.begin() as connection:
        connection.execute(insert(inbox), {**row, "received_at": later, "state": "done", "due_at": later})
    engine.dispose()
    return chosen


FORGOTTEN: dict[str, tuple[str, Callable[[Settings, Path], Settings], str, str]] = {
    "no way in": ("way in", no_way, "no mail can come in", "[lmtp] listen or [imap] host"),
    "no accounts": ("accounts", no_accounts, "there are none", "mailbot accounts import"),
    "trust empty": ("trust", empty_trust, "nobody is trusted", "mailbot trust update"),
    "no trust folder": ("trust", no_trust, "is no folder", "mailbot trust update"),
    "other address": ("contacts", address, "pomoc@inny.example, but", "the same address"),
    "clock": ("clock", clock_set_back, "but a mail came at", "NTP"),
}


@pytest.mark.parametrize("case", FORGOTTEN)
def test_what_is_forgotten_is_told_with_its_mend(case: str, office: Settings, tmp_path: Path) -> None:
    what, forget, told, mend = FORGOTTEN[case]
    CHECKS[what].look(office)
    chosen = forget(office, tmp_path)
    with pytest.raises(MailbotError) as found:
        CHECKS[what].look(chosen)
    assert told in found.value.reason
    assert mend in CHECKS[what].mend


def test_an_old_list_is_named(office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = folder(tmp_path, list_of_lists(EU, PL), polish_list(PL, Edition(services=(SERVICE,))))
    chosen = replace(office, trust=TrustSettings(str(found)))
    monkeypatch.setattr(doctor_office, "utc_now", lambda: NOW)
    assert "PL 7" in CHECKS["trust"].look(chosen)
    monkeypatch.setattr(doctor_office, "utc_now", lambda: NOW + timedelta(days=400))
    with pytest.raises(MailbotError, match="the list PL is overdue"):
        CHECKS["trust"].look(chosen)


def test_an_imap_mailbox_is_a_way_in(office: Settings) -> None:
    imap = ImapSettings("imap.helpdesk.example", user="h")
    assert CHECKS["way in"].look(replace(office, lmtp=ListenerSettings(""), imap=imap)) == "[imap]"


def test_the_program_is_older_than_today(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(doctor_office.__file__)
    made = datetime.fromtimestamp(os.stat(file).st_mtime, UTC)  # noqa: PTH116
    monkeypatch.setattr(doctor_office, "utc_now", lambda: made - timedelta(days=1))
    with pytest.raises(MailbotError, match="before this program was made"):
        CHECKS["clock"].look(office)
