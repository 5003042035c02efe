"""``make containers``: docker-compose.yml as it is, its images built by their Dockerfiles, letters through all of it.

A few minutes, most of them the build, which asks the servers of pip and apt. Everything is taken away at the end, but
the images of an engine that was there before.
"""

from __future__ import annotations

import imaplib
import json
import os
import smtplib
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.containers.engine import PATIENCE, bases, compose, engine, run
from tests.integration.composed import ROLES, SERVICES
from tests.servers.test_compose import ANNA, JAN, kinds, letter, link
from tests.support import ROOT

HELPDESK = "helpdesk@helpdesk.example"
SUBMISSION, MX, IMAP = 2525, 2526, 1143
_FORGED = f"Authentication-Results: mx.helpdesk.example; spf=pass smtp.mailfrom={JAN}; dmarc=pass\r\n".encode()
_LOCKED = {"Uid": "10001", "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}
_PLACES = "/ /etc/mailbot /opt/mailbot /var/lib/mailbot"
_WRITES = f"for place in {_PLACES}; do touch $place/x 2>/dev/null && echo $place; done; true"


class Composed:
    """The project under a name of its own."""

    def __init__(self) -> None:
        self._words = [*compose(), "--project-name", "mailbot-tried"]

    def __call__(self, *words: str) -> str:
        return run(*self._words, *words)

    def inside(self, service: str, *words: str) -> str:
        return self("exec", "-T", service, *words)

    def state(self, service: str) -> dict[str, Any]:
        """What the engine says of its container. See docker inspect."""
        (told,) = json.loads(run("docker", "inspect", self("ps", "--all", "--quiet", service).strip()))
        return dict(told["State"])

    @contextmanager
    def up(self) -> Iterator[None]:
        self("up", "--detach")
        try:
            yield
        finally:
            self("down", "--volumes", "--timeout", "30")


def wait(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.5)


def send(port: int, who: str, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.sendmail(who, [HELPDESK], raw)


def inbox(composed: Composed, login: str) -> list[bytes]:
    """The mails of a citizen, as the head of docker-compose.yml tells him to read them."""
    told = [composed.inside("dovecot", "cat", f"/access/{name}") for name in ("cert.pem", "password")]
    with imaplib.IMAP4("127.0.0.1", IMAP) as client:
        client.starttls(ssl.create_default_context(cadata=told[0]))
        client.login(login, told[1])
        client.select("INBOX", readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        found = [client.fetch(number, "(BODY.PEEK[])")[1][0] for number in map(bytes.decode, numbers)]
        return [part[1] for part in found if isinstance(part, tuple)]


def healthy(composed: Composed) -> None:
    """By each image's own question."""
    for name in SERVICES:
        if name != "setup":
            wait(f"{name} is healthy", lambda name=name: composed.state(name)["Health"]["Status"] == "healthy")  # type: ignore[misc]


def locked(composed: Composed) -> None:
    """An ordinary user without any right, who can write nowhere."""
    for role in ROLES:
        told = dict(line.split(":\t", 1) for line in composed.inside(role, "cat", "/proc/1/status").splitlines())
        assert {key: told[key].split("\t")[0] for key in _LOCKED} == _LOCKED, role
        assert composed.inside(role, "sh", "-c", _WRITES) == "", role


def answered(composed: Composed, who: str, name: str, year: int) -> None:
    """A letter to its third mail, and the page that it links to."""
    send(SUBMISSION, who, letter(who, name, year))
    wait(f"three mails to {who}", lambda: len(inbox(composed, who)) >= 3)
    mails = inbox(composed, who)
    assert kinds(mails) == ["T1", "T2A", "T3"], kinds(mails)
    with urllib.request.urlopen(link(mails), timeout=30) as page:
        assert b"<form" in page.read()


def doubted(composed: Composed) -> None:
    """Who writes about himself that he is proven goes to a person."""

    def waiting() -> bool:
        return "DO_WERYFIKACJI" in composed.inside("ingress", "mailbot", "tickets", "list")

    assert not waiting()
    send(MX, JAN, _FORGED + letter(JAN, "Jan Kowalski", 1980))
    wait("a ticket that waits for a person", waiting)


def restarted(composed: Composed) -> None:
    """A process that is killed is there again."""
    before = composed.state("worker")["Pid"]
    os.kill(before, 9)
    wait("another worker", lambda: composed.state("worker")["Pid"] not in (0, before))


def stopped(composed: Composed) -> None:
    """Nobody has to be killed; what is kept is there at the next start."""
    before = composed.inside("ingress", "mailbot", "tickets", "list")
    composed("stop")
    ends = {name: composed.state(name)["ExitCode"] for name in SERVICES}
    assert set(ends.values()) == {0}, ends
    composed("up", "--detach")
    healthy(composed)
    assert composed.inside("ingress", "mailbot", "tickets", "list") == before


def tell(what: str, does: Callable[[], object]) -> None:
    started = time.monotonic()
    said = does()
    print(f"{time.monotonic() - started:7.1f} s  {what}{f': {said}' if said else ''}", flush=True)


def main() -> None:
    with engine() as which:
        composed = Composed()
        print(f"{which}: {run('docker', 'version', '--format', '{{.Server.Version}}').strip()}")
        tell("base images", lambda: bases(sorted((ROOT / "deploy").rglob("Dockerfile"))))
        tell("build", lambda: composed("build") and None)
        started = time.monotonic()
        with composed.up():
            print(f"{time.monotonic() - started:7.1f} s  up")
            tell("every service is healthy", partial(healthy, composed))
            tell("no role has a right or a place to write to", partial(locked, composed))
            tell("a letter of this machine is answered", partial(answered, composed, JAN, "Jan Kowalski", 1980))
            tell("a forged one at the MX goes to a person", partial(doubted, composed))
            tell("a worker that is killed comes again", partial(restarted, composed))
            tell("all stop by themselves and keep what they had", partial(stopped, composed))
            tell("another letter is answered", partial(answered, composed, ANNA, "Anna Nowak", 1975))


if __name__ == "__main__":
    main()
