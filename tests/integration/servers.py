"""Real servers for tests: Dovecot and Postfix on free loopback ports, configured in a folder of their own.

They are instances beside the system's, started without systemd. Postfix needs root; Dovecot does not. Every setting
stands in the two templates below.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Certificates, make
from tests.support import ROOT, missing, program

USER = "helpdesk"
PASSWORD = 'żółw i "sekret" \\'  # nothing a client may forget to quote is missing

_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
protocols = imap lmtp
ssl = yes
ssl_cert = <{tls.certificate}
ssl_key = <{tls.key}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = {owner} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  {login}
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
{rootless}
"""

_OAUTH = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0  # else each wrong token makes the next login wait longer
  }}
}}
"""

_INTROSPECTION = """\
tokeninfo_url = {url}
username_attribute = email
active_attribute = active
active_value = true
"""

_ROOTLESS = """\
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service auth {{
  user =
}}
service auth-worker {{
  user =
}}
"""

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
multi_instance_name = postfix-mailbot-test
multi_instance_enable = yes
myhostname = mx.mailbot.example
mydestination =
local_recipient_maps =
local_transport = error:no local delivery
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relay_domains = mailbot.example
transport_maps = inline:{{ {{mailbot.example=lmtp:inet:127.0.0.1:{lmtp}}} }}
alias_maps =
alias_database =
recipient_delimiter = +
maillog_file = {folder}/maillog
maillog_file_prefixes = /
smtp_dns_support_level = disabled
smtp_host_lookup = native
message_size_limit = 36700160
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
transport_retry_time = 1s
lmtp_destination_recipient_limit = 1
smtputf8_enable = yes
"""

_MASTER_CF = """\
127.0.0.1:{smtp} inet n -  n  -   -  smtpd
pickup    unix  n  -  n  60   1  pickup
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
verify    unix  -  -  n  -    1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -    -  proxymap
lmtp      unix  -  -  n  -    -  lmtp
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
anvil     unix  -  -  n  -    1  anvil
scache    unix  -  -  n  -    1  scache
showq     unix  n  -  n  -    -  showq
postlog   unix-dgram n - n -  1  postlogd
"""


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder that the servers' users can reach (pytest's own are closed to them)."""
    folder = Path(tempfile.mkdtemp(prefix="mailbot-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port nobody listens on, and nobody else is told of while this process lives: it keeps the one 10,000 above.

    Both are below those that the kernel takes for connections.
    """
    for port in range(10_000, 20_000):
        with (
            suppress(OSError),
            socket.create_server(("127.0.0.1", port + 10_000)) as held,
            socket.create_server(("127.0.0.1", port)),
        ):
            held.detach()
            return port
    raise AssertionError("no port is free")


@contextmanager
def mailbot(folder: Path, *roles: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``mailbot run`` in ``folder``, which listens, and its port of LMTP."""
    command = [sys.executable, "-m", "mailbot", "run", *(word for role in roles for word in ("--role", role))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if '"started"' in line:
                    break
            found = re.search(r"'lmtp': \('127\.0\.0\.1', (\d+)\)", line)
            assert found, line
            yield process, int(found[1])
        finally:
            process.kill()


def wait_for_port(port: int, *, closed: bool = False, seconds: float = 60) -> None:
    """Until somebody (or nobody) listens on ``port``; the limit only keeps a broken test from hanging."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            open_now = True
        except OSError:
            open_now = False
        if open_now is not closed:
            return
        time.sleep(0.05)
    raise AssertionError(f"port {port} is still {'open' if closed else 'closed'}")


@dataclass
class Dovecot:
    """IMAP, IMAPS and LMTP; one user, ``USER`` with ``PASSWORD``."""

    folder: Path
    tls: Certificates
    imap: int
    imaps: int
    lmtp: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [program("dovecot"), "-F", "-c", str(self.folder / "dovecot.conf")]
        with (self.folder / "err").open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            for port in (self.imap, self.imaps, self.lmtp):
                wait_for_port(port)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def stop(self) -> None:
        """End it, with every process of it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None
            wait_for_port(self.imap, closed=True)

    def log(self) -> str:
        """What it wrote."""
        return "".join(path.read_text() for path in (self.folder / "err", self.folder / "log") if path.exists())


@contextmanager
def dovecot(introspection: str = "") -> Iterator[Dovecot]:
    """A running Dovecot with empty mailboxes. ``introspection``: where it asks about access tokens, which it takes
    then; the token is put behind it."""
    program("dovecot")
    with own_folder() as folder:
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
        server = Dovecot(folder, make(folder), free_port(), free_port(), free_port())
        user = pwd.getpwuid(os.geteuid())
        owner = rootless = login = ""
        if os.geteuid() == 0:  # Dovecot gives no mail to root
            owner = "uid=nobody gid=nogroup"
            os.chown(folder / "mail", pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid)
        else:
            rootless = _ROOTLESS.format(user=user.pw_name, group=grp.getgrgid(user.pw_gid).gr_name)
            login = "chroot ="
        text = _DOVECOT.format(
            folder=folder,
            tls=server.tls,
            imap=server.imap,
            imaps=server.imaps,
            lmtp=server.lmtp,
            owner=owner,
            login=login,
            rootless=rootless,
        )
        if introspection:
            (folder / "oauth").write_text(_INTROSPECTION.format(url=introspection))
            text = _OAUTH.format(folder=folder) + text.replace(" xoauth2\n", " xoauth2 oauthbearer\n")
        (folder / "dovecot.conf").write_text(text)
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
        (folder / "users").chmod(0o644)  # its auth process is not root
        try:
            server.start()
            yield server
        finally:
            server.stop()


@dataclass
class Postfix:
    """An MX for mailbot.example that hands over by LMTP."""

    folder: Path
    smtp: int

    def command(self, name: str, *arguments: str) -> str:
        """Run one of Postfix's commands against this instance."""
        done = subprocess.run(
            [program(name), "-c", str(self.folder / "etc"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,  # what waits for its own log would never end
        )
        if done.returncode:
            raise AssertionError(f"{name} {' '.join(arguments)}: {done.stderr}\n{self.log()}")
        return done.stdout

    def queued(self) -> int:
        """Messages it still holds; there and back, for one may go from queue to queue meanwhile, under its name."""
        queues = ("maildrop", "incoming", "active", "deferred", "hold")
        paths = (path for queue in (*queues, *queues[::-1]) for path in (self.folder / "spool" / queue).rglob("*"))
        return len({path.name for path in paths if path.is_file()})

    def log(self) -> str:
        """What it wrote."""
        path = self.folder / "maillog"
        return path.read_text() if path.exists() else ""


def _once(text: str) -> str:
    """main.cf without the lines that a later one overrides.

    Each process of Postfix warns of such a line when it starts, postlogd too: to its own socket, and where that is full
    (net.unix.max_dgram_qlen is 10 by default) it waits for itself for ever, and all others with it.
    """
    lines = re.findall(r"^[^\s#].*(?:\n[ \t].*)*", text, re.MULTILINE)
    return "".join(f"{line}\n" for line in {line.partition("=")[0].strip(): line for line in lines}.values())


@contextmanager
def postfix(lmtp: int, more: str = "") -> Iterator[Postfix]:
    """A running Postfix whose mail goes to the LMTP server on port ``lmtp``; ``more``: further lines of main.cf."""
    program("postfix")
    if os.geteuid() != 0:
        missing("root, which Postfix needs,")
    with own_folder() as folder:
        for name in ("etc", "spool", "data"):
            (folder / name).mkdir()
        os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        server = Postfix(folder, free_port())
        (folder / "etc" / "main.cf").write_text(_once(_MAIN_CF.format(folder=folder, lmtp=lmtp) + more))
        (folder / "etc" / "master.cf").write_text(_MASTER_CF.format(smtp=server.smtp))
        server.command("postfix", "start")
        try:
            wait_for_port(server.smtp)
            yield server
        finally:
            with suppress(AssertionError):  # it may have ended by itself
                server.command("postfix", "stop")
