"""docker-compose.yml without containers: its servers with the files of deploy/, its roles with their commands.

Each server listens on a port of this machine, and its folders lie in one of ours: ``World.here`` is all that differs.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import random
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase
from mailbot.observe import utc_now
from mailbot.storage.engine import connect
from mailbot.storage.schema import decision
from tests.dkim_mails import FIELDS, rsa_record, sign
from tests.integration import mx_servers
from tests.integration.servers import own_folder, wait_for_port
from tests.support import ROOT, missing, program

DEPLOY = ROOT / "deploy"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
ROLES = ("ingress", "worker", "delivery", "web", "console")
JAN, ANNA = "jan.kowalski@citizen.example", "anna.nowak@citizen.example"
ZONE = {
    "citizen.example": {"TXT": ["v=spf1 -all"]},
    "s1._domainkey.citizen.example": {"TXT": [rsa_record()]},
    "_dmarc.citizen.example": {"TXT": ["v=DMARC1; p=reject"]},
}
PATIENCE = 60.0
LOGGING = "maillog_file = /dev/stdout"
POSTFIX_HERE = """\
queue_directory = {0}/spool
data_directory = {0}/postfix-data
multi_instance_name = postfix-mailbot-compose
multi_instance_enable = yes
maillog_file = {0}/maillog
maillog_file_prefixes = /
smtpd_authorized_xclient_hosts = 127.0.0.1
"""


@dataclass
class World:
    """All containers in one folder."""

    folder: Path
    dns: str
    ports: dict[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self) -> Mapping[str, Mapping[str, str]]:
        """File of deploy/ → what stands there → what must stand there on this machine."""
        folder, port = self.folder, {name: str(number) for name, number in self.ports.items()}
        access = {
            "/database-access": f"{folder}/db-access",
            "/run/access": f"{folder}/tls",
            "/access": f"{folder}/access",
        }
        mail = {"/srv/mail": f"{folder}/mail", "vmail": "nobody", "chown nobody:nobody": "chown nobody:nogroup"}
        return {
            "postgres/start.sh": access
            | {"/srv/database": f"{folder}/database", "/etc/postgresql": f"{folder}/postgres"},
            "postgres/postgresql.conf": {
                "listen_addresses = '*'": "listen_addresses = '127.0.0.1'",
                "5432": port["postgres"],
                "/etc/postgresql": f"{folder}/postgres",
            },
            "postgres/pg_hba.conf": {},
            "dovecot/start.sh": access | mail | {"/etc/dovecot": f"{folder}/dovecot"},
            "dovecot/dovecot.conf": access
            | mail
            | {"listen = *": f"listen = 127.0.0.1\nbase_dir = {folder}/run\nstate_dir = {folder}/state"}
            | {"mail_gid = nobody": "mail_gid = nogroup", "gid=nobody": "gid=nogroup"}
            | {"port = 143": f"port = {port['imap']}", "port = 24": f"port = {port['lmtp']}"},
            "milters/opendkim.conf": {"Socket            inet:8891\n": ""},
            "milters/opendmarc.conf": {"Socket             inet:8893\n": ""},
            "postfix/main.cf": {
                "inet_interfaces = all": "inet_interfaces = 127.0.0.1",
                LOGGING: POSTFIX_HERE.format(folder),
                "inet:dovecot:24": f"inet:127.0.0.1:{port['lmtp']}",
                "inet:opendkim:8891": f"inet:127.0.0.1:{port.get('opendkim')}",
                "inet:opendmarc:8893": f"inet:127.0.0.1:{port.get('opendmarc')}",
            },
            "postfix/master.cf": {
                "smtp       inet": f"{port['mx']} inet",
                "587        inet": f"{port['submission']} inet",
            },
            "mailbot.toml": {
                "mailbot@postgres/": f"mailbot@127.0.0.1:{port['postgres']}/",
                **{old: new for old, new in access.items() if old != "/run/access"},
                "/var/lib/mailbot": f"{folder}/key",
                'host = "dovecot"\nport = 143': f'host = "127.0.0.1"\nport = {port["imap"]}',
                'host = "postfix"\nport = 587': f'host = "127.0.0.1"\nport = {port["submission"]}',
                "0.0.0.0:2400": f"127.0.0.1:{port['ingress']}",
                "0.0.0.0:8080": f"127.0.0.1:{port['web']}",
                "0.0.0.0:8081": f"127.0.0.1:{port['console']}",
                "localhost:8080": f"127.0.0.1:{port['web']}",
                "localhost:8081": f"127.0.0.1:{port['console']}",
            },
        }

    def text(self, name: str) -> str:
        """A file of deploy/ as it must be here."""
        text = (DEPLOY / name).read_text(encoding="utf-8")
        for old, new in self.here()[name].items():
            text = text.replace(old, new)
        return text

    def put(self, name: str) -> Path:
        """The same as a file."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(self.text(name), encoding="utf-8")
        return file

    def mailbot(self, service: str, *writable: Path) -> list[str]:
        """The command of a service with its settings; its health port is its own as in a container."""
        file, own = self.folder / f"{service}.toml", self.folder / f"tmp-{service}"
        own.mkdir()
        file.write_text(self.text("mailbot.toml").replace("127.0.0.1:8090", f"127.0.0.1:{own_port()}"))
        name, *words = SERVICES[service]["command"]
        assert name == "mailbot"
        words = [word.replace("/opt/mailbot", str(ROOT)) for word in words]
        started = ["env", f"TMPDIR={own}", sys.executable, "-m", "mailbot", *words, "--config", str(file)]
        return bounded(service, started, own, *writable)

    @property
    def passfile(self) -> Path:
        """Where libpq finds the password of the database."""
        return self.folder / "db-access" / "passfile"

    def start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as told:
            self.running[name] = subprocess.Popen(
                command, cwd=self.folder, env=environment(), stdout=told, stderr=told, start_new_session=True
            )

    def log(self) -> str:
        """The end of what everybody said."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("maillog")]
        return "\n".join(f"== {file.name}\n{file.read_text('utf-8', 'replace')[-1500:]}" for file in files)

    def inbox(self, login: str) -> list[bytes]:
        """The mails of a citizen, by IMAP as docker-compose.yml says."""
        trust = ssl.create_default_context(cafile=str(self.folder / "access" / "cert.pem"))
        with imaplib.IMAP4("127.0.0.1", self.ports["imap"]) as client:
            client.starttls(trust)
            client.login(login, (self.folder / "access" / "password").read_text())
            client.select("INBOX")
            numbers = client.search(None, "ALL")[1][0].split()
            found = [client.fetch(number, "(BODY.PEEK[])")[1][0] for number in map(bytes.decode, numbers)]
            return [part[1] for part in found if isinstance(part, tuple)]

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            dead = [name for name, process in self.running.items() if process.poll() is not None]
            ended = dead or (["nobody"] if time.monotonic() > deadline else [])
            assert ended == [], f"{what}\n{self.log()}"
            time.sleep(0.1)


def own_port() -> int:
    """A free one below those that outgoing connections take: it is opened only seconds later."""
    while True:
        port = random.randint(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def environment() -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAILBOT_", "PG"))}
    return {**clean, "PYTHONPATH": str(ROOT), "LC_ALL": "C"}


def bounded(service: str, command: list[str], *writable: Path) -> list[str]:
    """``command`` with no more capabilities than the container has, on a root that it cannot write but in ``writable``.

    The roles keep the capabilities of the test, which alone lets them reach its Python.
    """
    said = SERVICES[service]
    assert said["read_only"]
    if service not in ROLES and "cap_add" in said:
        caps = ",".join(["-all", *(f"+{name.lower()}" for name in said["cap_add"])])
        command = [program("setpriv"), "--no-new-privs", f"--bounding-set={caps}", *command]
    binds = " && ".join(f"mount --bind {folder} {folder}" for folder in writable)
    return [
        program("unshare"),
        "--mount",
        "sh",
        "-c",
        f'{binds} && mount -o remount,bind,ro / && exec "$@"',
        "sh",
        *command,
    ]


def letter(who: str, name: str, year: int) -> bytes:
    """A request that is right."""
    now = utc_now()
    own = {"From": who, "Date": format_datetime(now), "Message-ID": f"<{now.timestamp()}@citizen.example>"}
    fields = {**dict(FIELDS), **own, "Subject": REQUIRED_SUBJECT}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    return f"{head}\r\n{SENTENCES[Phrase.A]} {name}, {year}\r\n".encode()


@contextmanager
def up(world: World) -> Iterator[World]:
    """``docker compose up``, in the order that depends_on gives."""
    for name in ("access", "db-access", "tls", "mail", "key", "run", "state", "database", "spool", "postfix-data"):
        (world.folder / name).mkdir()
    os.chown(world.folder / "postfix-data", pwd.getpwnam("postfix").pw_uid, -1)
    with ExitStack() as stack:
        stack.callback(end, world)
        for name in ("postgres/postgresql.conf", "postgres/pg_hba.conf", "dovecot/dovecot.conf"):
            world.put(name)
        world.start("postgres", bounded("postgres", ["sh", str(world.put("postgres/start.sh"))], world.folder))
        world.start("dovecot", bounded("dovecot", ["sh", str(world.put("dovecot/start.sh"))], world.folder))
        for name, start in (("opendkim", mx_servers.opendkim), ("opendmarc", mx_servers.opendmarc)):
            world.ports[name] = stack.enter_context(start(world.folder, world.text(f"milters/{name}.conf"), world.dns))
        for name in ("main.cf", "master.cf"):
            world.put(f"postfix/{name}")
        postfix = [program("postfix"), "-c", str(world.folder / "postfix")]
        subprocess.run(
            bounded("postfix", [*postfix, "start"], world.folder), check=True, capture_output=True, timeout=PATIENCE
        )
        stack.callback(subprocess.run, [*postfix, "stop"], check=False, capture_output=True, timeout=PATIENCE)
        for name in ("postgres", "imap", "lmtp", "mx", "submission"):
            world.wait(name, lambda port=world.ports[name]: listens(port))  # type: ignore[misc]
        done = subprocess.run(
            world.mailbot("setup", world.folder / "key"),
            env=environment(),
            cwd=world.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr + world.log()
        for role in ROLES:
            world.start(role, world.mailbot(role))
        for role in ROLES:
            world.wait(role, lambda file=world.folder / f"{role}.log": b'"started"' in file.read_bytes())  # type: ignore[misc]
        yield world


def listens(port: int) -> bool:
    try:
        wait_for_port(port, seconds=0.1)
    except AssertionError:
        return False
    return True


def end(world: World) -> None:
    """Everything that ``start`` started."""
    for name, process in reversed(world.running.items()):
        if process.poll() is None:
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)  # its STOPSIGNAL
    for process in world.running.values():
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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


@pytest.mark.timeout(240)
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
    with smtplib.SMTP("127.0.0.1", world.ports[door]) as client:
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
    with smtplib.SMTP("127.0.0.1", world.ports["mx"]) as client:
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
    assert len(world.inbox(ANNA)) == 3
