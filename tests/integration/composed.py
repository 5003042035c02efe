"""docker-compose.yml without containers: its servers with the files of deploy/, its roles with their commands.

Each server listens on a port of this machine, and its folders lie in one of ours: ``World.here`` is all that differs.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration import mx_servers
from tests.integration.servers import wait_for_port
from tests.support import ROOT, program

DEPLOY = ROOT / "deploy"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
ROLES = ("ingress", "worker", "delivery", "web", "console")
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
            | {"port = 24": f"port = {port['lmtp']}", "port = 143": f"port = {port['imap']}"},  # ours may begin with 24
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
        world.wait("postgres", lambda: is_ready(world.ports["postgres"]))
        for name in ("imap", "lmtp", "mx", "submission"):
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


def is_ready(port: int) -> bool:
    """PostgreSQL, asked as its container asks itself."""
    asked = ["/usr/lib/postgresql/15/bin/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "mailbot"]
    return subprocess.run(asked, check=False, timeout=PATIENCE).returncode == 0


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
