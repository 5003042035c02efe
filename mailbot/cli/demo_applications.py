"""The mails of case B for the demo: fixtures/case_b.yaml, signed at this moment with keys that are never written."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import yaml

from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Phrase


def mails(fixtures: Path, trust: Path, authserv_id: str, now: datetime) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Each case with its raw mail as our MX hands it over. The anchors of the keys are written into ``trust``."""
    if str(fixtures.parent) not in sys.path:  # fixtures/ is no part of the installed program
        sys.path.append(str(fixtures.parent))
    citizens = importlib.import_module("fixtures.signing.citizens")
    pki = importlib.import_module("fixtures.signing.pki").Pki(now)
    pki.write_trust(trust)
    for case in yaml.safe_load((fixtures / "case_b.yaml").read_text(encoding="utf-8")):
        yield case, _raw(case, citizens.build_attachments(case["attachments"], pki), authserv_id, now)


def _raw(case: dict[str, Any], files: list[tuple[str, str, bytes]], authserv_id: str, now: datetime) -> bytes:
    sender = case["sender"]
    domain = sender.rpartition("@")[2]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "helpdesk-eclo@mf.gov.pl"
    message["Subject"] = REQUIRED_SUBJECT
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{case['name']}@{domain}>"
    message.set_content(f"{SENTENCES[Phrase.B]} {case['person']}\n")
    for name, content_type, data in files:
        maintype, _, subtype = content_type.partition("/")
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return through_our_mx(message, authserv_id, now)


def through_our_mx(message: EmailMessage, authserv_id: str, now: datetime) -> bytes:
    """The octets of ``message`` as our MX hands them over: its domain vouches for the sender."""
    domain = message["From"].rpartition("@")[2]
    by_our_mx = (
        f"Authentication-Results: {authserv_id}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}\r\n"
        f"Received: from out.{domain} ([192.0.2.25]) by {authserv_id} with ESMTPS; {format_datetime(now)}\r\n"
    )
    return by_our_mx.encode() + message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
