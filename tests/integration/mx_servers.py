"""Real mail filters for tests: OpenDKIM, OpenDMARC and rspamd beside a Postfix, over a DNS of our own.

All are instances beside the system's, in a folder of their own, on loopback. OpenDMARC takes its name server from
/etc/resolv.conf alone, so it sees another such file, in a mount name space of its own (as root, which Postfix needs
anyway).
"""

from __future__ import annotations

import os
import pwd
import random
import shlex
import signal
import smtplib
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.integration.servers import Postfix, free_port, wait_for_port
from tests.support import missing, program

Zone = Mapping[str, Mapping[str, Sequence[str]]]
"""Name → kind → records, as mailbot's own StaticResolver has them."""


class _Answers(socketserver.BaseRequestHandler):
    """One question by UDP."""

    def handle(self) -> None:
        octets, sock = self.request
        question = dns.message.from_wire(octets)
        answer = dns.message.make_response(question, recursion_available=True)
        (asked,) = question.question
        name = asked.name.to_text(omit_final_dot=True).lower()
        records = self.server.zone.get(name)  # type: ignore[attr-defined]
        found = (records or {}).get(dns.rdatatype.to_text(asked.rdtype), ())
        if records is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if found:
            spelt = [_txt(text) if asked.rdtype == dns.rdatatype.TXT else text for text in found]
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", asked.rdtype, *spelt))
        sock.sendto(answer.to_wire(), self.client_address)


def _txt(text: str) -> str:
    """Strings of at most 255 octets (RFC 1035 §3.3.14)."""
    return " ".join(f'"{text[i : i + 255]}"' for i in range(0, len(text), 255))


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """A DNS on port 53 of a loopback address of its own, which is given. What is not in ``zone`` does not exist."""
    if os.geteuid() != 0:
        missing("root, which port 53 needs,")
    address = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(1, 254)}"
    with socketserver.ThreadingUDPServer((address, 53), _Answers) as server:
        server.zone = zone  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield address
        finally:
            server.shutdown()


@contextmanager
def _running(folder: Path, name: str, command: Sequence[str], port: int) -> Iterator[None]:
    """``command`` in the foreground, until it is no longer needed."""
    with (folder / f"{name}.err").open("wb") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_for_port(port)
        yield
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}\n{(folder / f'{name}.err').read_text()}") from None
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # a milter asked to end takes its time, and nothing of it is kept
        process.wait(30)


def seeing(name_server_address: str, folder: Path, command: Sequence[str]) -> list[str]:
    """``command`` with ``name_server_address`` as the only one in its /etc/resolv.conf."""
    unshare = [program("unshare"), "--mount"]
    resolv = folder / "resolv.conf"
    resolv.write_text(f"nameserver {name_server_address}\n")
    mount = f"mount --bind {resolv} /etc/resolv.conf"
    if subprocess.run([*unshare, "sh", "-c", mount], capture_output=True, check=False).returncode:
        missing("the right to mount, which OpenDMARC needs to see another name server,")
    return [*unshare, "sh", "-c", f"{mount} && exec {shlex.join(command)}"]


@contextmanager
def opendkim(folder: Path, configuration: str, address: str) -> Iterator[int]:
    """OpenDKIM with ``configuration`` (as documented) and the DNS at ``address``; gives its port."""
    command, port = program("opendkim"), free_port()
    own = f"Socket inet:{port}@127.0.0.1\nNameservers {address}\nSyslog no\nBackground no\nUserID opendkim\n"
    (folder / "opendkim.conf").write_text(own + configuration)
    with _running(folder, "opendkim", [command, "-f", "-x", str(folder / "opendkim.conf")], port):
        yield port


@contextmanager
def opendmarc(folder: Path, configuration: str, address: str) -> Iterator[int]:
    """OpenDMARC with ``configuration`` (as documented) and the DNS at ``address``; gives its port."""
    command, port = program("opendmarc"), free_port()
    own = f"Socket inet:{port}@127.0.0.1\nSyslog false\nBackground false\nUserID opendmarc\n"
    (folder / "opendmarc.conf").write_text(own + configuration)
    started = seeing(address, folder, [command, "-f", "-c", str(folder / "opendmarc.conf")])
    with _running(folder, "opendmarc", started, port):
        yield port


_RSPAMD = """\
modules {{ {plugins} }}
options {{
  filters = "dkim";
  dns {{ nameserver = ["{address}"]; timeout = 5s; }}
  local_addrs = [192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12, fd00::/8, 169.254.0.0/16, fe80::/10];
  url_tld = "{home}/suffixes";
  pidfile = "{home}/pid";
  cache_file = "{home}/symbols.cache";
  hs_cache_dir = "{home}";
  control_socket = "{home}/control mode=0600";
}}
logging {{ type = "console"; level = "notice"; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{port}";
  milter = yes;
  timeout = 60s;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""
"""rspamd without its rules about spam and with one public suffix: those it comes with take half a minute to load."""


@contextmanager
def rspamd(folder: Path, local: Mapping[str, str], address: str) -> Iterator[int]:
    """rspamd with ``local`` (module → content of its file in local.d, as documented); gives its milter port."""
    command, port, user = program("rspamd"), free_port(), "_rspamd"
    home = folder / "rspamd"
    home.mkdir()
    (home / "suffixes").write_text("example\n")
    os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    modules = "".join(f"{name} {{\n{local.get(name, '')}}}\n" for name in ("spf", "dkim", "dmarc", "milter_headers"))
    plugins = " ".join(f'path = "${{PLUGINSDIR}}/{name}.lua";' for name in ("spf", "dmarc", "milter_headers"))
    (folder / "rspamd.conf").write_text(
        _RSPAMD.format(address=address, home=home, port=port, plugins=plugins) + modules
    )
    arguments = ["-f", "-u", user, "-g", user, "-c", str(folder / "rspamd.conf")]
    with _running(folder, "rspamd", [command, *arguments], port):
        yield port


class _Lmtp(Controller):
    def factory(self) -> SMTP:
        return LMTP(self.handler, hostname="store.helpdesk.example")


@dataclass
class Store:
    """What the MX delivered, octet for octet."""

    port: int = 0
    taken: dict[str, bytes] = field(default_factory=dict)
    """Recipient → mail."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        for recipient in envelope.rcpt_tos:
            self.taken[recipient] = envelope.original_content or b""
        return "250 taken"


@contextmanager
def store() -> Iterator[Store]:
    """An LMTP server that keeps everything."""
    kept = Store(free_port())
    controller = _Lmtp(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    try:
        yield kept
    finally:
        controller.stop()


def hand_over(mx: Postfix, peer: str, helo: str, mail_from: str, recipient: str, raw: bytes) -> None:
    """Give Postfix a mail as if ``peer`` did (XCLIENT)."""
    with smtplib.SMTP("127.0.0.1", mx.smtp, local_hostname=helo, timeout=60) as client:
        client.ehlo()
        code, answer = client.docmd("XCLIENT", f"ADDR={peer} NAME={helo}")
        if code != 220:
            raise AssertionError(f"{code} {answer!r}\n{mx.log()}")
        client.ehlo_resp = None
        client.sendmail(mail_from, [recipient], raw)
