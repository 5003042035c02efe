"""Has every mail scanned for viruses before anybody sees it, with its files ([scanner]).

A letter without a file is shown as text, or as HTML that was cleaned, so it waits for no scanner: what was not scanned
is kept from people only as octets, with which a mail program would do all that stands in them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace

from mailbot import scanner
from mailbot.config import ScannerSettings
from mailbot.model import ApplicationState, Understanding
from mailbot.observe import log_event
from mailbot.scanner import Scanned

NOT_SCANNED = "its files were not scanned for viruses"
_LATE = Scanned(failed="not scanned in time")
_DEATHS = 3
"""So often the scanner may die at a mail, having lived for others, before a person reads it."""


class Scans:
    """One scanner. ``away``: why it did not answer when it was last asked; "": it did."""

    def __init__(self, settings: ScannerSettings, seconds: float) -> None:
        """``seconds``: so long may the mails of a batch take together."""
        self._settings = settings
        self._seconds = seconds
        self.away = ""
        self._deaths: Counter[int] = Counter()
        """Rows at which a scanner that lived went away: they are asked for behind the others, whom they do not hold."""

    async def look(self, batch: list[tuple[int, bytes, Understanding]]) -> dict[int, Understanding | None]:
        """Row, octets and meaning of each mail → its meaning with what was found; None: it waits for the scanner. A row
        that is missing was not begun."""
        if not self._settings.address:
            return {row: u for row, _, u in batch}
        time = asyncio.get_running_loop().time
        until, away = time() + self._seconds, Scanned()
        done: dict[int, Understanding | None] = {}
        for row, raw, u in sorted(batch, key=lambda one: self._deaths[one[0]]):
            if not away.away and time() < until:
                lived = await self._lives(row)
                found = await self._scanned(until, raw, *(a.data for a in u.message.attachments))
                if found == _LATE and done:
                    continue  # it had less than the whole time
                self._note(row, found)
                away = found if found.away else away
                found = self._blamed(row, found, lived)
            elif not away.away:
                continue
            else:
                found = away  # who did not answer for one is not asked for each of the others
            waits = found.away and self._settings.on_failure == "wait" and has_file(u)
            done[row] = None if waits else judged(u, found)
        return done

    async def _scanned(self, until: float, *parts: bytes) -> Scanned:
        """Many files that each take long would outlast the lease of the whole batch."""
        try:
            async with asyncio.timeout_at(until):
                return await scanner.scan(self._settings, *parts)
        except TimeoutError:
            return _LATE

    async def _lives(self, row: int) -> bool:
        """Whether the scanner, as far as known, lives before it is asked for ``row``."""
        return not self.away or (self._deaths[row] > 0 and isinstance(await scanner.version(self._settings), str))

    def _blamed(self, row: int, found: Scanned, lived: bool) -> Scanned:
        """``found``; it is the mail's own failure when the scanner died at it again and again."""
        if not found.away:
            self._deaths.pop(row, None)
        elif lived:
            self._deaths[row] += 1
        return replace(found, away=False) if self._deaths[row] >= _DEATHS else found

    def _note(self, row: int, found: Scanned) -> None:
        if found.found:
            log_event("virus-found", level=logging.WARNING, inbox=row, virus=found.found)
        elif found.failed and not (found.away and self.away):
            log_event("not-scanned", level=logging.ERROR, inbox=row, reason=found.failed)
        self.away = found.failed if found.away else ""


def has_file(u: Understanding) -> bool:
    """Whether there is, or may be, a file."""
    return bool(u.message.attachments or u.message.damage)


def judged(u: Understanding, found: Scanned) -> Understanding:
    """A virus is a program that is attached: quarantine, whatever the rules say. What could not be scanned is read by a
    person, as what is damaged, when it holds a file; its octets are withheld in any case (desk.letter)."""
    told = replace(u, scan=found.told)
    if found.found:
        return replace(told, checked=replace(u.checked, state=ApplicationState.MALWARE))
    if found.failed and has_file(u):
        return replace(told, message=replace(u.message, damage=(*u.message.damage, NOT_SCANNED)))
    return told
