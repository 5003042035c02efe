"""Has the files of a mail scanned for viruses before anybody sees them ([scanner])."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from mailbot import scanner
from mailbot.config import ScannerSettings
from mailbot.model import ApplicationState, Understanding
from mailbot.observe import log_event
from mailbot.scanner import Scanned

NOT_SCANNED = "its files were not scanned for viruses"


class Scans:
    """One scanner. ``away``: why it did not answer when it was last asked; "": it did."""

    def __init__(self, settings: ScannerSettings, seconds: float) -> None:
        """``seconds``: after so long no further mail of a batch is begun."""
        self._settings = settings
        self._seconds = seconds
        self.away = ""

    async def look(self, batch: list[tuple[int, bytes, Understanding]]) -> dict[int, Understanding | None]:
        """Row, octets and meaning of each mail → its meaning with what was found; None: it waits for the scanner. A row
        that is missing was not begun."""
        time = asyncio.get_running_loop().time
        until, away = time() + self._seconds, Scanned()
        done: dict[int, Understanding | None] = {}
        for row, raw, u in batch:
            if not self._settings.address or not needs_scan(u):
                done[row] = u
                continue
            if not away.away and time() < until:
                found = await scanner.scan(self._settings, raw, *(a.data for a in u.message.attachments))
                self._note(row, found)
                away = found if found.away else away
            elif not away.away:
                continue
            else:
                found = away  # who did not answer for one is not asked for each of the others
            done[row] = None if found.away and self._settings.on_failure == "wait" else judged(u, found)
        return done

    def _note(self, row: int, found: Scanned) -> None:
        if found.found:
            log_event("virus-found", level=logging.WARNING, inbox=row, virus=found.found)
        elif found.failed and not (found.away and self.away):
            log_event("not-scanned", level=logging.ERROR, inbox=row, reason=found.failed)
        self.away = found.failed if found.away else ""


def needs_scan(u: Understanding) -> bool:
    """Whether there is, or may be, a file."""
    return bool(u.message.attachments or u.message.damage)


def judged(u: Understanding, found: Scanned) -> Understanding:
    """A virus is a program that is attached: quarantine, whatever the rules say. What could not be scanned is read by a
    person, as what is damaged."""
    told = replace(u, scan=found.told)
    if found.found:
        return replace(told, checked=replace(u.checked, state=ApplicationState.MALWARE))
    if found.failed:
        return replace(told, message=replace(u.message, damage=(*u.message.damage, NOT_SCANNED)))
    return told
