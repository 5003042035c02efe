"""The picture of a page for the desk."""

from __future__ import annotations

import io

from PIL import Image

from mailbot.application.pdf.glyph import DPI

LARGEST = 400_000
"""Octets of one."""
_DPI = 100
_BITS = 4
_NEAREST = bytes((grey + 8) // 17 for grey in range(256))
_GREYS = [part for step in range(16) for part in 3 * (17 * step,)]
"""From black to white in even steps: looking for the best 16 of a page takes four times as long as all the rest."""


def png(page: Image.Image) -> bytes:
    """A page in 16 greys, drawn smaller until it is no longer than ``LARGEST``."""
    scale = _DPI / DPI
    while True:
        size = max(round(page.width * scale), 1), max(round(page.height * scale), 1)
        out = io.BytesIO()
        small = page.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        grey = small.point(_NEAREST)
        grey.putpalette(_GREYS)
        grey.save(out, "PNG", bits=_BITS)
        if len(out.getvalue()) <= LARGEST:
            return out.getvalue()
        scale /= 2
