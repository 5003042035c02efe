"""Applications that would keep their reader busy for minutes, or take all memory."""

from __future__ import annotations

from mailbot.application import sample
from mailbot.application.isolated import Readers
from tests.integration.test_application_reader import readers
from tests.unit.application.pdfs import drawn

__all__ = ["readers"]  # a fixture

MANY = " ".join(f"BT /F1 9 Tf {i % 500} {i % 800} Td (abc) Tj ET {i % 590} 9 4 4 re f" for i in range(9_000))
COSTLY = {
    "20 MB of <": b"%PDF-1.7\n" + b"<" * 19_000_000,
    "runs and shapes": drawn(MANY),
    "a page of 14,000 points": drawn("", extra=b"/MediaBox [0 0 14000 14000]"),
    "shapes in forms": drawn("/Fm1 Do " * 3_000, form="0 0 595 842 re f " * 300),
    "a path of many lines": drawn("0 0 m " + "595 842 l 0 421 l " * 60_000 + "S"),
    "many large shapes": drawn("0 0 595 842 re f " * 14_000),
    "many large letters": drawn("BT /F1 900 Tf " + "1 0 0 1 0 100 Tm (WWW) Tj " * 3_000 + "ET"),
}


async def test_what_costs_too_much_is_for_a_person_and_the_next_is_read(readers: Readers) -> None:
    for name, payload in COSTLY.items():
        found = await readers.read(payload)
        assert found is None or found.application.doubts or not found.application.readable, name
    assert await readers.read(sample.build()) is not None
