"""pyHanko's reader with a bound on its work: it reads octet by octet, and a small file can make it read for minutes."""

from __future__ import annotations

import io

from pyhanko.pdf_utils.reader import PdfFileReader

from mailbot.signatures.cms import unreadable

MAX_READS = 1_000_000
"""Calls, about 2 µs each. Of the signatures alone; a file of 25 MB with 50,000 objects takes some 60,000."""


class _Bounded(io.BytesIO):
    left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise unreadable("Plik PDF jest zbyt zawiły.", "TOO_COMPLEX")
        return super().read(size)


def open_pdf(data: bytes) -> PdfFileReader:
    """Not strict: that refuses hybrid files, so every podpis zaufany. Reading more than the bound raises Refused."""
    return PdfFileReader(_Bounded(data), strict=False)
