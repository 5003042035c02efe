"""docker-compose.yml without containers (tests/integration/composed.py): letters go through all of it."""

from __future__ import annotations

import os
import re
import smtplib
import time
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.utils import format_datetime

import pytest
from sqlalchemy import select

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.observe import utc_now
from mailbot.storage.engine import connect
from mailbot.storage.schema import decision
from tests.dkim_mails import FIELDS, rsa_record, sign
from tests.integration import mx_servers
from tests.integration.composed import ROLES, World, bounded, end, is_ready, own_port, up
from tests.integration.servers import own_folder
from tests.support import missing, program

JAN, ANNA = "jan.kowalski@citizen.example", "anna.nowak@citizen.example"
ZONE = {
    "citizen.example": {"TXT": ["v=spf1 -all"]},
    "s1._domainkey.citizen.example": {"TXT": [rsa_record()]},
    "_dmarc.citizen.example": {"TXT": ["v=DMARC1; p=reject"]},
}


def letter(who: str, name: str, year: int) -> bytes:
    """A request that is right."""
    now = utc_now()
    own = {"From": who, "Date": format_datetime(now), "Message-ID": f"<{now.timestamp()}@citizen.example>"}
    fields = {**dict(FIELDS), **own, "Subject": REQUIRED_SUBJECT}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    return f"{head}\r\n{SENTENCES[Phrase.A]} {name}, {year}\r\n".encode()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    for name in ("postfix", "dovecot", "opendkim", "opendmarc", "setpriv", "openssl"):
        program(name)
    program("initdb", "/usr/lib/postgresql/15/bin")
    if os.geteuid() != 0:
        missing("root, which Postfix needs,")
    names = ("postgres", "imap", "lmtp", "mx", "submission", *ROLES)
    ports = {name: own_port() for name in names}
    with own_folder() as folder, mx_servers.name_server(ZONE) as dns, up(World(folder, dns, ports)) as running:
        yield running


def kinds(mails: list[bytes]) -> list[str]:
    """T1, T2A, T3 … by the Message-IDs."""
    found = [
        re.search(rb"^Message-ID: <zgl[0-9]+\.([tw][0-9]+[ab]?)\.", raw, re.MULTILINE | re.IGNORECASE) for raw in mails
    ]
    return sorted(one[1].decode().upper() for one in found if one)


def link(mails: list[bytes]) -> str:
    texts = [message_from_bytes(raw, policy=policy.default).get_body(("plain",)) for raw in mails]  # type: ignore[attr-defined]
    (found,) = {url for text in texts for url in re.findall(r"http://\S+/\S+", text.get_content())}
    return str(found)


@pytest.mark.parametrize(
    ("door", "who", "name", "year"), [("mx", JAN, "Jan Kowalski", 1980), ("submission", ANNA, "Anna Nowak", 1975)]
)
def test_a_letter_goes_through_to_the_third_mail_and_its_link(
    world: World, door: str, who: str, name: str, year: int
) -> None:
    """At the MX by its signature, which OpenDKIM finds in the DNS; at 587 because it is this machine."""
    raw = letter(who, name, year)
    if door == "mx":
        raw = sign(raw, domain="citizen.example", tags=f"t={int(time.time())}; ")
    with smtplib.SMTP("127.0.0.1", world.ports[door], timeout=60) as client:
        client.sendmail(who, ["helpdesk@helpdesk.example"], raw)
    world.wait("three mails", lambda: len(world.inbox(who)) >= 3)
    mails = world.inbox(who)
    assert kinds(mails) == ["T1", "T2A", "T3"]
    url = link(mails)
    assert url.startswith(f"http://127.0.0.1:{world.ports['web']}/")
    with urllib.request.urlopen(url, timeout=30) as page:
        assert page.status == 200
        assert b"<form" in page.read()


def test_what_a_stranger_writes_about_himself_proves_nothing(world: World) -> None:
    """A field in the name of our MX, without a signature: OpenDKIM takes it away, OpenDMARC finds nothing."""
    said = f"Authentication-Results: mx.helpdesk.example; spf=pass smtp.mailfrom={ANNA}; dmarc=pass\r\n".encode()
    with smtplib.SMTP("127.0.0.1", world.ports["mx"], timeout=60) as client:
        client.sendmail(ANNA, ["helpdesk@helpdesk.example"], said + letter(ANNA, "Anna Nowak", 1975))
    engine = connect(
        f"postgresql+psycopg://mailbot@127.0.0.1:{world.ports['postgres']}/mailbot?passfile={world.passfile}"
    )

    def outcomes() -> list[str]:
        with engine.connect() as connection:
            return list(connection.execute(select(decision.c.outcome).order_by(decision.c.inbox_id)).scalars())

    world.wait("three decisions", lambda: len(outcomes()) == 3)
    granted, also, forged = outcomes()
    engine.dispose()
    assert (granted, also, forged == granted) == (granted, granted, False)
    world.wait("its registration", lambda: len(world.inbox(ANNA)) >= 4)
    assert kinds(world.inbox(ANNA)) == ["T1", "T1", "T2A", "T3"]


def test_a_database_that_was_put_back_meets_a_password_made_anew() -> None:
    """The volume of the password is lost, or the database came from a backup: the next start agrees with itself."""
    program("setpriv")
    program("initdb", "/usr/lib/postgresql/15/bin")
    if os.geteuid() != 0:
        missing("root, as the container has it,")
    with own_folder() as folder:
        world = World(
            folder, "", dict.fromkeys(("imap", "lmtp", "mx", "submission", *ROLES), 0) | {"postgres": own_port()}
        )
        for name in ("db-access", "database"):
            (folder / name).mkdir()
        for name in ("postgresql.conf", "pg_hba.conf"):
            world.put(f"postgres/{name}")
        command = bounded("postgres", ["sh", str(world.put("postgres/start.sh"))], folder)
        url = f"postgresql+psycopg://mailbot@127.0.0.1:{world.ports['postgres']}/mailbot?passfile={world.passfile}"
        passwords = set()
        for _ in range(2):
            world.start("postgres", command)
            try:
                world.wait("postgres", lambda: is_ready(world.ports["postgres"]))
                engine = connect(url)
                with engine.connect() as connection:
                    assert connection.scalar(select(1)) == 1
                engine.dispose()
            finally:
                end(world)
            passwords.add(world.passfile.read_text())
            world.passfile.unlink()
        assert len(passwords) == 2
