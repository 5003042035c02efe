"""``make bench ARGS=applications``: what a whole report of case B costs, and what a file costs that is meant to."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest import mock

from PIL import Image

from fixtures.signing import citizens, cms
from fixtures.signing.application import Data
from fixtures.signing.pki import NOW
from mailbot.application.check import chosen
from mailbot.application.form import octets
from mailbot.application.isolated import Readers
from mailbot.application.letter.purpose import judged
from mailbot.application.pdf import ocr
from mailbot.application.read import reading
from mailbot.ruleset import loader
from mailbot.ruleset.model import Ruleset
from mailbot.signatures import verify
from mailbot.signatures.trust import store
from mailbot.signatures.trust.store import TrustStore
from tests.bench.signature_files import PKI
from tests.bench.signature_worker import memory, processor, watch
from tests.chaos.test_costly_applications import COSTLY
from tests.form import FIELDS
from tests.support import ROOT
from tests.unit.application.pdfs import fill

_RECEIVED = NOW + timedelta(hours=1)
_WITHOUT, _WITH = 150.0, 1_500.0
_MOST_SECONDS, _MOST_OCTETS = 2.0, 250_000_000
_APP = Data()


@dataclass
class Eye:
    """The engine, with the processor time that it takes."""

    engine: ocr.Engine
    seconds: float = 0.0

    def read(self, picture: Image.Image, dpi: int) -> str | None:
        """As the engine does."""
        start = time.process_time()
        try:
            return self.engine.read(picture, dpi)
        finally:
            self.seconds += time.process_time() - start

    def read_line(self, picture: Image.Image, dpi: int) -> str:
        """As the engine does."""
        start = time.process_time()
        try:
            return self.engine.read_line(picture, dpi)
        finally:
            self.seconds += time.process_time() - start


@dataclass
class Line:
    """One signed file: milliseconds of every repetition."""

    name: str
    data: bytes
    payload: bytes = b""
    without: list[float] = field(default_factory=list)
    """All but the recognition of letters."""
    whole: list[float] = field(default_factory=list)


def main(arguments: Sequence[str]) -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="make bench ARGS='applications …'", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="times that every file is read (%(default)s)")
    options = parser.parse_args(arguments)
    print(f"python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    rules, lines = loader.load(ROOT / "rules"), _lines()
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-") as name:
        trust = store.load(PKI.write_trust(Path(name), PKI.revocations()), NOW)
        eye = Eye(ocr.engine())
        with mock.patch.object(ocr, "engine", return_value=eye):
            for number in range(options.rounds + 1):
                for line in lines:
                    _report(line, trust, rules, eye, warm=number > 0)
    print(f"\n{'a report of case B, processor time':34}{'octets':>11} {'ms':>8} {'with OCR':>9} {'peak MB':>8}")
    for line in lines:
        without, whole = statistics.median(line.without), statistics.median(line.whole)
        _, peak, _ = asyncio.run(_read(line.payload))
        kept = without <= _WITHOUT and whole <= _WITH and peak <= _MOST_OCTETS
        print(f"{line.name:34}{len(line.data):11,} {without:8.0f} {whole:9.0f} {peak / 1e6:8.0f}{_mark(kept)}")
    print(f"bars: {_WITHOUT:.0f} ms, {_WITH:.0f} ms with OCR; the peak is that of the process that reads")
    print(f"\n{'made to cost, a new reader each':34}{'octets':>11} {'CPU s':>8} {'peak MB':>8}   outcome")
    for title, payload in COSTLY.items():
        seconds, peak, outcome = asyncio.run(_read(payload))
        kept = seconds <= _MOST_SECONDS and peak <= _MOST_OCTETS and outcome != "accepted"
        print(f"{title:34}{len(payload):11,} {seconds:8.2f} {peak / 1e6:8.0f}{_mark(kept)} {outcome}")


def _lines() -> list[Line]:
    app = {"name": _APP.name, "old": _APP.old, "new": _APP.new}
    signer = PKI.person(citizens.person_named(_APP.name))
    names = [one.name for one in FIELDS if one.kind == "Tx"]
    form = fill(
        octets(), dict(zip(names, (_APP.given, _APP.surname, _APP.old, _APP.new), strict=True)), appearances=True
    )
    files = {
        "PDF of one page, PAdES": {"name": "wniosek.pdf", "kind": "pades-qualified", "app": app},
        "text, CAdES": {"name": "wniosek.txt.p7m", "kind": "cades-enveloping", "app": app},
        "DOCX, podpis zaufany": {"name": "wniosek.docx.xml", "kind": "xades-trusted-enveloping", "app": app},
    }
    made = [Line(name, citizens.build_attachment(spec, PKI)[0][2]) for name, spec in files.items()]
    return [Line("our form, CAdES", cms.SHAPES["attached"](PKI, signer, form).data), *made]


def _report(line: Line, trust: TrustStore, rules: Ruleset, eye: Eye, *, warm: bool) -> None:
    """As ``workers.verify`` does, in one process."""
    eye.seconds, start = 0.0, time.process_time()
    reports = verify.verify([("wniosek.pdf", line.data)], trust, rules.signatures, _RECEIVED)
    report = chosen(reports)
    assert report is not None
    assert report.payload is not None
    application = judged(reading(report.payload), rules.application_words)
    whole = time.process_time() - start
    assert not application.doubts, (line.name, application.doubts)
    assert application.old_login == _APP.old
    line.payload = report.payload
    if warm:
        line.whole.append(whole * 1e3)
        line.without.append((whole - eye.seconds) * 1e3)


async def _read(payload: bytes) -> tuple[float, int, str]:
    """Processor seconds, octets at the peak and the outcome of one file in a new locked process."""
    async with Readers(1, 20.0) as readers:
        await readers.start()
        begun, stop, seen = processor(), threading.Event(), [(0.0, 0)]
        watcher = threading.Thread(target=watch, args=(stop, seen))
        watcher.start()
        try:
            found = await readers.read(payload)
            seen.append((processor(), memory("VmHWM")))
        finally:
            stop.set()
            watcher.join()
    outcome = "ended" if found is None else "a doubt"
    if found and found.application.readable and not found.application.doubts:
        outcome = "accepted"
    return max(seconds for seconds, _ in seen) - begun, max(peak for _, peak in seen), outcome


def _mark(kept: bool) -> str:
    return "  " if kept else " !"
