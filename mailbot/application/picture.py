"""The picture of a page for the desk."""

from __future__ import annotations

import io

from PIL import Image

from mailbot.application.glyph import DPI

LARGEST = 400_000
"""Octets of one."""
_DPI = 100
_GREYS = 16


def png(page: Image.Image) -> bytes:
    """A page in 16 greys, drawn smaller until it is no longer than ``LARGEST``."""
    scale = _DPI / DPI
    while True:
        size = max(round(page.width * scale), 1), max(round(page.height * scale), 1)
        out = io.BytesIO()
        small = page.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        small.quantize(_GREYS).save(out, "PNG")
        if len(out.getvalue()) <= LARGEST:
            return out.getvalue()
        scale /= 2
