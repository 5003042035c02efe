"""The inside of a process that reads applications (application.isolated): its libraries are loaded in no other."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mailbot.application import ocr, sample
from mailbot.application.isolated import BROKEN, LONGEST_TEXT
from mailbot.application.read import reading
from mailbot.errors import MailbotError
from mailbot.signatures import wire

_PROCESSOR = 1.8
"""Seconds of processor time for one file; an application takes a tenth of a second, and two more to recognise."""


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a worker: one blob is one payload. There are no settings.

    Raises ConfigError where a part is not installed. What libraries load late is loaded here, before the lock.
    """
    del settings
    ocr.engine()
    reading(sample.build())

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        del header
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR)  # its signal ends the process
        try:
            found = reading(blobs[0])
        except (MailbotError, OSError, ImportError):
            return {"failed": BROKEN}, []
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        text, seen = found.text[:LONGEST_TEXT], found.seen and found.seen[:LONGEST_TEXT]
        about = {"application": asdict(found.application), "text": text, "seen": seen}
        return about, list(found.pictures)

    return job
