"""The inside of a process that reads applications (application.isolated): its libraries are loaded in no other."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from mailbot.application import sample
from mailbot.application.isolated import BROKEN, LONGEST_TEXT
from mailbot.application.letter.purpose import judged
from mailbot.application.pdf import ocr
from mailbot.application.read import reading
from mailbot.errors import MailbotError
from mailbot.ruleset.applications import reread
from mailbot.ruleset.model import ApplicationWords
from mailbot.signatures import wire
from mailbot.text import polish

_PROCESSOR = 1.8
"""Seconds of processor time for one file; an application takes a tenth of a second, and two more to recognise."""


def handler(settings: Mapping[str, Any]) -> wire.Handler:
    """The job of a worker: a payload, and where it is to be judged the words of applications. There are no settings.

    Raises ConfigError where a part is not installed. What libraries load late is loaded here, before the lock.
    """
    del settings
    ocr.engine()
    reading(sample.build())
    polish.load()

    def job(header: Mapping[str, Any], blobs: Sequence[bytes]) -> wire.Frame:
        letter = _words(blobs[1].decode()) if len(blobs) > 1 else None
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR)  # its signal ends the process
        try:
            found = reading(blobs[0])
            if letter:
                found = replace(found, application=judged(found, letter, datetime.fromisoformat(header["at"])))
        except (MailbotError, OSError, ImportError):
            return {"failed": BROKEN}, []
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        text, seen = found.text[:LONGEST_TEXT], found.seen and found.seen[:LONGEST_TEXT]
        about = {"application": asdict(found.application), "text": text, "seen": seen}
        return about, list(found.pictures)

    return job


@lru_cache(maxsize=2)
def _words(source: str) -> ApplicationWords:
    """Read once for each rule set that is used."""
    return reread(source)
