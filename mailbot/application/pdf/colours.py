"""Colours that all viewers show about alike, with a profile or without one (ISO 32000-2 §8.6)."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import product
from typing import Any

from PIL import Image, ImageCms
from pypdf.generic import ArrayObject, StreamObject

from mailbot.application.pdf.fonts import resolved
from mailbot.application.pdf.operators import UncommonError

DEVICE = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_FAR = 130
"""Of 255: how far a colour by its profile may lie from the one that a viewer without profiles shows; inks do by 115."""


def plain_space(space: Any, parts: int | None) -> None:
    """Whether a colour space is one of a device, or one by a profile that shows about the same."""
    if isinstance(space, ArrayObject) and len(space) == 1:
        space = resolved(space[0])
    if isinstance(space, str) and DEVICE.get(space) in (parts or DEVICE.get(space), None) and space in DEVICE:
        return
    if not isinstance(space, ArrayObject) or space[0] != "/ICCBased" or parts not in (None, parts_of(space)):
        raise UncommonError("a colour space")
    profile = stream_of(space[1]).get_data()
    count = parts_of(space)
    steps = [(step / 4,) * count for step in range(5)] if count < 4 else [(0, 0, 0, step / 4) for step in range(5)]
    for colour in (*steps, *(product((0.0, 1.0), repeat=3) if count == 3 else ())):
        alike(profile, colour)


def parts_of(space: ArrayObject) -> int:
    count = stream_of(resolved(space[1])).get("/N")
    if count not in _MODES:
        raise UncommonError("a colour space")
    return int(count)


@lru_cache(maxsize=1_000)
def alike(profile: bytes, parts: tuple[float, ...]) -> None:
    """Whether a colour is about the same for viewers with and without profiles."""
    mode = _MODES[len(parts)]
    spot = Image.new(mode, (1, 1), tuple(round(255 * min(max(part, 0), 1)) for part in parts))
    plain = spot.convert("RGB").tobytes()
    for transform in _transforms(profile, mode):
        seen = transform.apply(spot).tobytes()
        if any(abs(one - other) > _FAR for one, other in zip(plain, seen, strict=True)):
            raise UncommonError("a colour that is another one by its profile")


@lru_cache(maxsize=4)
def _transforms(profile: bytes, mode: str) -> list[ImageCms.ImageCmsTransform]:
    try:
        opened, screen = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return [ImageCms.buildTransform(opened, screen, mode, "RGB", intent) for intent in ImageCms.Intent]
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise UncommonError("a profile of colours that cannot be read") from error


def stream_of(found: Any) -> StreamObject:
    found = resolved(found)
    if not isinstance(found, StreamObject):
        raise UncommonError("a stream that is none")
    return found
