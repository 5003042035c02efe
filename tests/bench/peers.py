"""What other programs do with the same mails on the same machine, in turn with mailbot.

Dovecot and Postfix, where they are installed: what a mail store and a relay in C take. django-helpdesk and Roundup
(``make bench ARGS=--peers`` installs them by name into a folder of the run): helpdesks in Python that send one mail to
who wrote.
"""

from __future__ import annotations

import asyncio
import imaplib
import mailbox
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from tests.bench import lmtp, machine, runs
from tests.bench.relay import sink
from tests.bench.roads import Bench, to_sink
from tests.bench.runs import ENVELOPE_FROM, Run
from tests.citizens import HELPDESK
from tests.integration.servers import PASSWORD, USER, Dovecot, dovecot, postfix

_SET = 50
"""Messages that are fetched and moved by one command."""


@dataclass
class Peers:
    """The peers of a bench."""

    bench: Bench

    def dovecot_lmtp(self) -> Run:
        """LMTP → Maildir."""
        with dovecot() as server:
            raws = self.bench.supply.take(self.bench.mails)
            assert server.process is not None
            sending = partial(lmtp.send, server.lmtp, raws, ENVELOPE_FROM, self.bench.connections, recipient=USER)
            return _taken(server.process.pid, len(raws), lambda: asyncio.run(sending()))

    def dovecot_move(self, together: int = _SET) -> Run:
        """FETCH and MOVE of everything in a mailbox, so many at a time, and nothing else."""
        with dovecot() as server:
            raws = self.bench.supply.take(self.bench.mails if together > 1 else max(20, self.bench.mails // 10))
            runs.fill(server, raws)
            assert server.process is not None
            return _taken(server.process.pid, len(raws), partial(_move, server, len(raws), together))

    def postfix_takes(self) -> Run:
        """Mails of our size by SMTP into Postfix, from a client that does nothing else."""
        with sink(self.bench.folder) as end, postfix(end.port, to_sink(end.port)) as server:
            raws = self.bench.supply.take(3 * self.bench.mails)
            master = int((server.folder / "spool" / "pid" / "master.pid").read_text())
            whom = {"hello": "EHLO", "recipient": ENVELOPE_FROM}
            sending = partial(lmtp.send, server.smtp, raws, ENVELOPE_FROM, 4, **whom)
            return _taken(master, len(raws), lambda: asyncio.run(sending()))

    def django_helpdesk(self, file: Sequence[tuple[str, str, bytes]] = ()) -> Run:
        """Files of a folder → ticket and one mail, by its command get_email."""
        folder = self.bench.folder / "django"
        box = folder / "box"
        box.mkdir(parents=True, exist_ok=True)
        raws = self.bench.supply.take(max(20, self.bench.mails // 10), file)
        for n, raw in enumerate(raws):
            (box / f"{n}.eml").write_bytes(raw)
        return self._peer(len(raws), _DJANGO, str(folder), str(box))

    def roundup(self) -> Run:
        """A mailbox of known senders → issue and one mail, by roundup-mailgw."""
        folder = self.bench.folder / "roundup"
        folder.mkdir(exist_ok=True)
        raws, box = self.bench.supply.take(max(20, self.bench.mails // 10)), mailbox.mbox(folder / "in.mbox")
        for raw in raws:
            box.add(raw)
        box.close()
        found = (re.search(rb"^From:.*?([\w.]+@[\w.]+)", raw, re.MULTILINE) for raw in raws)
        senders = sorted({match[1].decode() for match in found if match})
        (folder / "senders").write_text("\n".join(senders))
        return self._peer(len(raws), _ROUNDUP, str(folder), str(folder / "in.mbox"))

    def _peer(self, units: int, script: str, *arguments: str) -> Run:
        with sink(self.bench.folder) as end:
            command = [str(self._python), "-c", script, *arguments, str(end.port)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise AssertionError(done.stderr)
            seconds, cpu, made = map(float, done.stdout.split()[-3:])
            if made != units or end.count() < units:
                raise AssertionError(f"{units} mails gave {made:.0f} tickets and {end.count()} mails")
        return Run(units, seconds, cpu)

    @cached_property
    def _python(self) -> Path:
        """Of an environment with both."""
        where = self.bench.folder.parent / "peers"
        python = where / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
            names = ("django-helpdesk", "django-bootstrap4-form", "packaging", "setuptools", "roundup")
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *names], check=True)
        return python

    def servers(self) -> Mapping[str, tuple[str, Callable[[], Run]]]:
        """Name → what one unit is, and the run."""
        return {
            "Dovecot: LMTP → Maildir": ("mail", self.dovecot_lmtp),
            "Dovecot: FETCH and MOVE": ("mail", self.dovecot_move),
            "Dovecot: FETCH and MOVE one by one": ("mail", partial(self.dovecot_move, 1)),
            "Postfix: takes": ("mail", self.postfix_takes),
        }

    def helpdesks(self) -> Mapping[str, tuple[str, Callable[[], Run]]]:
        """The same of those in Python."""
        scan = ("skan.pdf", "application/pdf", b"%PDF-1.7\n" + os.urandom(200_000))
        return {
            "django-helpdesk: one mail": ("ticket", self.django_helpdesk),
            "django-helpdesk: PDF of 200 KB": ("ticket", partial(self.django_helpdesk, [scan])),
            "Roundup: known senders, one mail": ("ticket", self.roundup),
        }


def _taken(pid: int, units: int, work: Callable[[], object]) -> Run:
    before, own, begun = machine.usage(pid), time.process_time(), time.perf_counter()
    work()
    seconds, own = time.perf_counter() - begun, time.process_time() - own
    return Run(units, seconds, (machine.usage(pid) - before).cpu, own)


def _move(server: Dovecot, count: int, together: int) -> None:
    with imaplib.IMAP4("127.0.0.1", server.imap) as client:
        client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        client.create("Done")
        client.select("INBOX")
        for first in range(1, count + 1, together):
            uids = f"{first}:{min(first + together - 1, count)}"
            client.uid("FETCH", uids, "(BODY.PEEK[])")
            answer, _ = client.uid("MOVE", uids, "Done")
            assert answer == "OK"


_DJANGO = f"""
import os, sys, time
from pathlib import Path
folder, box, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
from django.conf import settings
settings.configure(
    SECRET_KEY="bench", USE_TZ=True, ROOT_URLCONF="urls", SITE_ID=1, STATIC_URL="/static/",
    INSTALLED_APPS=[
        *("django.contrib." + name for name in
          ("admin", "auth", "contenttypes", "sessions", "messages", "sites", "humanize", "staticfiles")),
        "bootstrap4form", "rest_framework", "django_cleanup.apps.CleanupConfig", "helpdesk"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "helpdesk.sqlite"}}}},
    TEMPLATES=[{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {{
        "context_processors": ["django.contrib.auth.context_processors.auth",
                               "django.template.context_processors.request",
                               "django.contrib.messages.context_processors.messages"]}}}}],
    MIDDLEWARE=["django.contrib." + name for name in
                ("sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware",
                 "messages.middleware.MessageMiddleware")],
    EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port,
    DEFAULT_FROM_EMAIL="{HELPDESK}", MEDIA_ROOT=str(folder / "media"), DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    HELPDESK_TEAMS_MODE_ENABLED=False,
)
import types, django
urls = sys.modules["urls"] = types.ModuleType("urls")
django.setup()
from django.urls import include, path
urls.urlpatterns = [path("helpdesk/", include("helpdesk.urls"))]
from django.core.management import call_command
call_command("migrate", verbosity=0)
from helpdesk.models import Queue, Ticket
Queue.objects.get_or_create(slug="q", defaults=dict(
    title="q", allow_email_submission=True, email_box_type="local", email_box_local_dir=box + "/",
    email_address="{HELPDESK}", email_box_interval=0))
Queue.objects.update(email_box_last_check=None)
before, begun, cpu = Ticket.objects.count(), time.perf_counter(), time.process_time()
call_command("get_email", "--quiet")
print(time.perf_counter() - begun, time.process_time() - cpu, Ticket.objects.count() - before)
"""

_ROUNDUP = """
import os, re, subprocess, sys, time
from pathlib import Path
folder, box, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
tracker, tools = folder / "tracker", Path(sys.executable).parent
if not tracker.exists():
    subprocess.run([tools / "roundup-admin", "-i", tracker, "install", "classic", "sqlite"], capture_output=True)
text = (tracker / "config.ini").read_text()
def put(section, key, value):
    global text
    start = text.index(f"\\n[{section}]")
    end = text.find("\\n[", start + 2)
    end = len(text) if end < 0 else end
    text = text[:start] + re.sub(rf"(?m)^#?{key} =.*$", f"{key} = {value}", text[start:end], count=1) + text[end:]
put("mail", "domain", "helpdesk.example"), put("mail", "host", "127.0.0.1"), put("mail", "port", port)
put("tracker", "web", "http://127.0.0.1/tracker/"), put("tracker", "email", "helpdesk")
put("nosy", "messages_to_author", "yes")
(tracker / "config.ini").write_text(text)
from roundup import instance
if not (tracker / "db" / "db").exists():
    subprocess.run([tools / "roundup-admin", "-i", tracker, "initialise", "bench"], capture_output=True)
opened = instance.open(str(tracker))
db = opened.open("admin")
for sender in (folder / "senders").read_text().split():
    name = sender.replace("@", "-at-")
    try:
        db.user.lookup(name)
    except KeyError:
        db.user.create(username=name, address=sender, roles="User", realname=name)
db.commit()
before = len(db.issue.list())
db.close()
from roundup.scripts import roundup_mailgw
begun, cpu = time.perf_counter(), time.process_time()
assert not roundup_mailgw.main([str(tracker), "mailbox", box])
seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
db = opened.open("admin")
print(seconds, cpu, len(db.issue.list()) - before)
"""
