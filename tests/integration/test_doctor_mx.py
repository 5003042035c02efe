"""``mailbot doctor`` looks at the mail that came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import secret
from mailbot.config import AuthenticationSettings, DatabaseSettings, SecretSettings, Settings
from mailbot.errors import ConfigError
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.service.doctor_mx import look
from mailbot.storage.engine import connect

RECEIVED = "Received: from out.wp.example (out.wp.example [192.0.2.10]) by mx.urzad.example with ESMTP id 1; now\r\n"
RESULTS = "Authentication-Results: mx.urzad.example; dkim=none\r\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database=DatabaseSettings(f"sqlite:///{tmp_path / 'mailbot.db'}"),
        secret=SecretSettings(str(tmp_path / "mailbot.key")),
    )


def take(settings: Settings, source: Source, head: str, count: int = 5) -> None:
    """Put mails into the inbox as an intake does."""
    engine = connect(settings.database.url)
    try:
        compose.migrate(engine)
        raws = [f"{head}From: jan@wp.example\r\nX-Number: {n}\r\n\r\ntekst\r\n".encode() for n in range(count)]
        found = [
            RawMessage(raw, Envelope(source, mailbox="INBOX", uidvalidity=1, uid=n), utc_now())
            for n, raw in enumerate(raws)
        ]
        with engine.begin() as connection:
            store(connection, found, utc_now(), secret.load(Path(settings.secret.key_file)))
    finally:
        engine.dispose()


def test_before_the_first_mail_there_is_nothing_to_say(settings: Settings, tmp_path: Path) -> None:
    assert "no mail to try it on yet" in look(settings)
    assert not list(tmp_path.iterdir())


def test_the_lines_that_are_missing_are_told_and_are_right(settings: Settings) -> None:
    take(settings, Source.IMAP, RECEIVED + RESULTS)
    with pytest.raises(ConfigError) as refused:
        look(settings)
    told = refused.value.reason
    assert 'placement = "below"' in told
    assert "only if your MX removes such fields" in told
    assert "@" not in told
    described = AuthenticationSettings("mx.urzad.example", placement="below", strips_foreign=True)
    said = look(replace(settings, authentication=described))
    assert "a field counts in 5 of the last 5 mails" in said
    assert "refuses mail while its filter is down" in said


def test_mail_that_mailbot_checks_itself_is_no_sign(settings: Settings) -> None:
    take(settings, Source.SMTP, RECEIVED + RESULTS)
    take(settings, Source.INJECT, RECEIVED + RESULTS)
    assert "no mail to try it on yet" in look(settings)


def test_an_mx_that_writes_nothing_is_fine_where_signatures_are_checked(settings: Settings) -> None:
    take(settings, Source.LMTP, RECEIVED)
    assert "in 0 of the last 5 mails, in the others the signature is checked" in look(settings)
    with pytest.raises(ConfigError, match="everything goes to a person"):
        look(replace(settings, authentication=AuthenticationSettings(missing="none")))


def test_where_the_settings_would_believe_a_sender(settings: Settings) -> None:
    take(settings, Source.IMAP, RESULTS + RECEIVED)
    loose = AuthenticationSettings("mx.urzad.example", received_by=("mx*",))
    with pytest.raises(ConfigError, match=r"received_by: hosts of others.*mx\*"):
        look(replace(settings, authentication=loose))
