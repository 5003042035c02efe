"""Pictures that all viewers unpack alike (ISO 32000-2 §7.4, §8.9).

What one viewer cannot read, and leaves out, covers the page in another: a picture is common only when it can be read to
its end and holds as many dots as it says.
"""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from typing import Any

from PIL import Image, JpegImagePlugin
from pypdf.generic import ArrayObject, ByteStringObject, DictionaryObject, NullObject, StreamObject

from mailbot.application.pdf.colours import DEVICE, parts_of, plain_space
from mailbot.application.pdf.fonts import resolved
from mailbot.application.pdf.operators import UncommonError

_ENTRIES = frozenset((
    "/Type", "/Subtype", "/Name", "/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/Decode", "/ImageMask",
    "/Mask", "/SMask", "/Interpolate", "/Intent", "/Filter", "/DecodeParms", "/Length", "/DL", "/Metadata",
    "/StructParent", "/ID", "/PieceInfo", "/LastModified", "/ColorTransform",
))  # fmt: skip
_SIDE, _DOTS = 20_000, 4_000_000
"""Of one picture: a logo; a page that was scanned has more, and is read by a person."""
_SPARE = 16
"""Octets behind the last dot, such as the end of a line."""
_DEPTHS = (1, 2, 4, 8)
_LETTERS = ("/ASCII85Decode", "/ASCIIHexDecode")
_FLATE, _JPEG = "/FlateDecode", "/DCTDecode"
_PNG = range(10, 16)
"""Predictors of PNG: each row says which one it has (§7.4.4.4)."""
_FRAMES = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2")
"""Beginnings of pictures that are coded by Huffman (ITU-T T.81 B.1.1.3)."""
_MODES = {1: "L", 3: "RGB"}


def check(picture: StreamObject, *, mask: bool = False) -> None:
    """Raises UncommonError. ``mask``: of another picture."""
    if (
        not _ENTRIES.issuperset(picture)
        or any(isinstance(one, NullObject) for one in picture.values())
        or (mask and not {"/Mask", "/SMask"}.isdisjoint(picture))
    ):
        raise UncommonError("a picture of an uncommon kind")
    width, height = _whole(picture.get("/Width")), _whole(picture.get("/Height"))
    if not (1 <= width <= _SIDE and 1 <= height <= _SIDE and width * height <= _DOTS):
        raise UncommonError("a picture of an uncommon size")
    stencil = _is_stencil(picture)
    depth = 1 if stencil else _whole(picture.get("/BitsPerComponent"))
    parts, colours = (1, None) if stencil else _space(resolved(picture.get("/ColorSpace")))
    if depth not in _DEPTHS or (stencil and not {"/ColorSpace", "/Mask", "/SMask"}.isdisjoint(picture)):
        raise UncommonError("a picture of an uncommon kind")
    if stencil and resolved(picture.get("/BitsPerComponent", 1)) != 1:
        raise UncommonError("a picture of an uncommon kind")
    _check_decoding(resolved(picture.get("/Decode")), parts, None if colours is None else depth)
    data = _unpacked(picture, width, parts, depth)
    if data is None:
        _check_jpeg(_without_letters(picture), (width, height), parts)
    else:
        octets = -(-width * parts * depth // 8) * height
        if not octets <= len(data) <= octets + _SPARE:
            raise UncommonError("a picture with other dots than it says")
        if colours is not None and _highest(data[:octets], depth) >= colours:
            raise UncommonError("a picture of colours that it does not name")
    if data is None and (depth != 8 or colours is not None or "/Decode" in picture):
        raise UncommonError("a picture of an uncommon kind")
    _check_masks(picture, parts, depth, jpeg=data is None)


def _is_stencil(picture: StreamObject) -> bool:
    return bool(resolved(picture.get("/ImageMask")) == True)  # noqa: E712 - pypdf's own kind of boolean


def _whole(value: Any) -> int:
    value = resolved(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _space(space: Any) -> tuple[int, int | None]:
    """(parts of a colour, how many colours a list of them has; None: there is no list)."""
    if isinstance(space, ArrayObject) and len(space) == 4 and space[0] == "/Indexed":
        base, last, table = (resolved(one) for one in space[1:])
        plain_space(base, None)
        named = table.get_data() if isinstance(table, StreamObject) else _octets(table)
        colours = _whole(last) + 1
        if not 1 <= colours <= 256 or not colours * _count(base) <= len(named) <= colours * _count(base) + 2:
            raise UncommonError("a list of colours")
        return 1, colours
    plain_space(space, None)
    parts = _count(space)
    if parts not in _MODES:
        raise UncommonError("a picture of inks")
    return parts, None


def _octets(table: Any) -> bytes:
    if isinstance(table, ByteStringObject):
        return bytes(table)
    original = getattr(table, "original_bytes", None)
    return original if isinstance(original, bytes) else b""


def _count(space: Any) -> int:
    if isinstance(space, ArrayObject) and len(space) == 1:
        space = resolved(space[0])
    return DEVICE[space] if isinstance(space, str) else parts_of(space)


def _check_decoding(decode: Any, parts: int, depth: int | None) -> None:
    """Nothing, or what means the same; of one part also the other way round. ``depth``: of numbers of colours."""
    if decode is None:
        return
    usual = [0, 1 if depth is None else 2**depth - 1] * parts
    if not isinstance(decode, ArrayObject) or list(map(resolved, decode)) not in (
        usual,
        usual[::-1] if parts == 1 and depth is None else usual,
    ):
        raise UncommonError("a picture of turned colours")


def _filters(picture: StreamObject) -> list[str]:
    if "/Filter" not in picture:
        return []
    found = resolved(picture["/Filter"])
    return [str(resolved(one)) for one in found] or [""] if isinstance(found, ArrayObject) else [str(found)]


def _without_letters(picture: StreamObject) -> bytes:
    """What is packed, read to its end where it is written in letters."""
    data = bytes(picture._data)  # pypdf unpacks all or nothing
    for name in _filters(picture):
        if name not in _LETTERS:
            break
        try:
            plain = b"".join(data.split())
            if name == "/ASCIIHexDecode":
                data = binascii.unhexlify(plain.removesuffix(b">"))
            else:
                data = base64.a85decode(plain.removesuffix(b"~>"))
        except ValueError as error:
            raise UncommonError("a picture that cannot be read") from error
    return data


def _unpacked(picture: StreamObject, width: int, parts: int, depth: int) -> bytes | None:
    """Its dots; None: it is a JPEG."""
    packed = [name for name in _filters(picture) if name not in _LETTERS]
    if packed == [_JPEG]:
        return None
    data = _without_letters(picture)
    if not packed:
        return data
    if packed != [_FLATE]:
        raise UncommonError("a picture of an uncommon kind")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(data, 4 * _DOTS + _SIDE)
    except zlib.error as error:
        raise UncommonError("a picture that cannot be read") from error
    if not unpacker.eof or unpacker.unused_data.strip(b"\0\t\n\f\r "):
        raise UncommonError("a picture that cannot be read")
    return _without_predictor(picture, data, width, parts, depth)


def _without_predictor(picture: StreamObject, data: bytes, width: int, parts: int, depth: int) -> bytes:
    found = resolved(picture.get("/DecodeParms"))
    entries = [resolved(one) for one in found] if isinstance(found, ArrayObject) else [found]
    said = [one for one in entries if isinstance(one, DictionaryObject) and one]
    if not said:
        return data
    how = {key: _whole(value) for key, value in said[0].items()}
    predictor = how.pop("/Predictor", 1)
    if len(said) > 1 or (predictor != 1 and predictor not in _PNG):
        raise UncommonError("a picture of an uncommon kind")
    if predictor == 1:
        return data
    if how != {"/Columns": width} | ({"/Colors": parts} if "/Colors" in how or parts > 1 else {}) | (
        {"/BitsPerComponent": depth} if "/BitsPerComponent" in how or depth != 8 else {}
    ):
        raise UncommonError("a picture with other dots than it says")
    row = -(-width * parts * depth // 8) + 1
    if any(kind > 4 for kind in data[::row]):
        raise UncommonError("a picture that cannot be read")
    return picture.get_data() if len(data) % row == 0 else b""


def _highest(data: bytes, depth: int) -> int:
    """The highest of the numbers of colours in a row of octets."""
    mask = 2**depth - 1
    table = bytes(max(octet >> shift & mask for shift in range(0, 8, depth)) for octet in range(256))
    return max(data.translate(table), default=0)


def _check_jpeg(data: bytes, size: tuple[int, int], parts: int) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
            right = isinstance(opened, JpegImagePlugin.JpegImageFile) and opened.size == size
            if not right or opened.mode != _MODES[parts] or not data.startswith(b"\xff\xd8"):
                raise UncommonError("a picture with other dots than it says")
            opened.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise UncommonError("a picture that cannot be read") from error
    if not any(frame in data for frame in _FRAMES) or b"\xff\xd9" not in data:
        raise UncommonError("a picture of an uncommon kind")


def _check_masks(picture: StreamObject, parts: int, depth: int, *, jpeg: bool) -> None:
    if "/Mask" in picture and "/SMask" in picture:
        raise UncommonError("a mask of an uncommon kind")
    for key in ("/SMask", "/Mask"):
        mask = resolved(picture.get(key))
        if mask is None:
            continue
        if isinstance(mask, StreamObject):
            stencil = _is_stencil(mask)
            if stencil != (key == "/Mask") or (not stencil and resolved(mask.get("/ColorSpace")) != "/DeviceGray"):
                raise UncommonError("a mask of an uncommon kind")
            check(mask, mask=True)
        elif key == "/SMask" or jpeg or not _is_range(mask, parts, depth):
            raise UncommonError("a mask of an uncommon kind")


def _is_range(mask: Any, parts: int, depth: int) -> bool:
    """Whether it names colours that are left out (§8.9.6.4)."""
    edges = [resolved(one) for one in mask] if isinstance(mask, ArrayObject) else []
    whole = len(edges) == 2 * parts and all(isinstance(one, int) for one in edges)
    return whole and all(0 <= low <= high < 2**depth for low, high in zip(edges[::2], edges[1::2], strict=True))
