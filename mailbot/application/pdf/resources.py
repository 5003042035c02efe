"""What the names in the content of a page stand for, as far as all viewers draw it alike (ISO 32000-2 §8.4 to §8.11).

pdfium knows no overprint, no knockout groups, no default colour spaces and no fonts of graphics states; others know no
profiles of colours. A word in such a colour is there for one viewer, and not for another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from mailbot.application.pdf.colours import DEVICE, alike, parts_of, plain_space, stream_of
from mailbot.application.pdf.fonts import check as check_font
from mailbot.application.pdf.fonts import resolved
from mailbot.application.pdf.operators import UncommonError, look
from mailbot.application.pdf.pictures import check as check_picture

_DEFAULTS = {"/DefaultGray": 1, "/DefaultRGB": 3, "/DefaultCMYK": 4}
_DEPTH = 12
_EDGES, _NARROW = 4, 72
_STATES = {
    **dict.fromkeys(("/Type", "/LW", "/LC", "/LJ", "/ML", "/D", "/RI", "/FL", "/SM", "/SA", "/OPM", "/TK")),
    **dict.fromkeys(("/CA", "/ca", "/UseBlackPtComp")),
    "/BM": ("/Normal", "/Compatible"),
    "/SMask": ("/None",),
    "/AIS": (False,),
    "/OP": (False,),
    "/op": (False,),
    **dict.fromkeys(("/TR", "/TR2", "/HT", "/BG", "/BG2", "/UCR", "/UCR2"), ("/Default", "/Identity")),
}
"""Entries of a graphics state, and the values that change nothing; None: any (§8.4.5)."""
_ELSEWHERE = frozenset(("/Alternates", "/OPI", "/Ref", "/PS", "/Subtype2", "/SMaskInData"))
"""Entries of forms and pictures that may have another one shown in their place."""


class Resources:
    """Those of a page or form (operators.Things). ``done``: numbers of what was looked at."""

    def __init__(self, found: Any, done: set[tuple[int, int]], depth: int = 0) -> None:
        self._found = resolved(found)
        self._done, self._depth = done, depth
        spaces = resolved(self._entry("/ColorSpace")) if self._found else None
        for name, parts in _DEFAULTS.items():
            if isinstance(spaces, DictionaryObject) and name in spaces:
                plain_space(resolved(spaces.raw_get(name)), parts)

    def space(self, name: str) -> int:
        found = self._space(name)
        return DEVICE[found] if isinstance(found, str) else parts_of(found)

    def colour(self, name: str, parts: tuple[float, ...]) -> None:
        if name != "Device" and not isinstance(found := self._space(name), str):
            alike(stream_of(found[1]).get_data(), parts)

    def state(self, name: str) -> None:
        found = self._get("/ExtGState", name)
        for key, value in found.items():
            known = None if ":" in key else _STATES.get(key, ())  # Apple's "AAPL:AA" smooths, and nobody else knows it
            if known is not None and resolved(value) not in known:
                raise UncommonError(f"a graphics state {key}")

    def font(self, name: str) -> None:
        found = self._get("/Font", name)
        if not self._is_new(found):
            return
        check_font(found)
        if found.get("/Subtype") == "/Type3":
            inner = Resources(found.get("/Resources") or self._found, self._done, self._deeper())
            for letter in (resolved(found.get("/CharProcs")) or {}).values():
                look(stream_of(letter).get_data(), inner, letter=True)

    def drawn(self, name: str) -> None:
        found = stream_of(self._get("/XObject", name))
        if not self._is_new(found):
            return
        if found.get("/Subtype") == "/Image":
            check_picture(found)
        elif found.get("/Subtype") == "/Form":
            check_form(found, self._found, self._done, self._deeper())
        else:
            raise UncommonError("an object that is no form or picture")

    def _space(self, name: str) -> Any:
        """A name of a device space, or the array of one by a profile."""
        found = name if name in DEVICE else self._value("/ColorSpace", name)
        if isinstance(found, ArrayObject) and len(found) == 1:
            found = resolved(found[0])
        if isinstance(found, str) and found in DEVICE:
            return str(found)
        if isinstance(found, ArrayObject) and found[0] == "/ICCBased":
            return found
        raise UncommonError("a colour space")

    def _entry(self, kind: str) -> Any:
        return self._found.get(kind) if isinstance(self._found, DictionaryObject) else None

    def _value(self, kind: str, name: str) -> Any:
        named = resolved(self._entry(kind))
        if not isinstance(named, DictionaryObject) or name not in named:
            raise UncommonError(f"a name of nothing in {kind}")
        return resolved(named.raw_get(name))

    def _get(self, kind: str, name: str) -> DictionaryObject:
        found = self._value(kind, name)
        if not isinstance(found, DictionaryObject):
            raise UncommonError(f"a name of nothing in {kind}")
        return found

    def _deeper(self) -> int:
        if self._depth >= _DEPTH:
            raise UncommonError("forms in forms")
        return self._depth + 1

    def _is_new(self, found: DictionaryObject) -> bool:
        """Whether it was not looked at; what brings no resources of its own is another thing with those of others."""
        key = id(found), 0 if "/Resources" in found or "/FontDescriptor" in found else id(self._found)
        if key in self._done:
            return False
        self._done.add(key)
        return True


def check_form(
    form: StreamObject,
    outer: Any,
    done: set[tuple[int, int]],
    depth: int = 0,
    field: tuple[float, float] | None = None,
) -> None:
    """Raises UncommonError. ``outer``: the resources of what draws it, which count where it has none (§7.8.3)."""
    _check_group(form)
    if not _ELSEWHERE.isdisjoint(form):
        raise UncommonError("a form in the place of another thing")
    look(form.get_data(), Resources(form.get("/Resources") or outer, done, depth), field=field)


def check_page(page: DictionaryObject, looks: Iterator[StreamObject], shared: Any) -> None:
    """The content of a page and the ``looks`` of its annotations. Raises UncommonError.

    ``shared``: the resources of looks that have none (§12.7.3.3).
    """
    _check_group(page)
    _check_place(page)
    done: set[tuple[int, int]] = set()
    contents = resolved(page.get("/Contents"))
    parts = contents if isinstance(contents, ArrayObject) else [contents] if contents is not None else []
    look(b"\n".join(stream_of(part).get_data() for part in parts), Resources(page.get("/Resources"), done))
    for form in looks:
        left, bottom, right, top = (float(edge) for edge in resolved(form["/BBox"]))
        check_form(form, shared, done, field=(right - left, top - bottom))


def _check_place(page: DictionaryObject) -> None:
    """Whether it is plain which part of a page is shown, and how it is turned (§14.11.2)."""
    turned = resolved(page.get("/Rotate", 0))
    boxes = [resolved(page.get(key)) for key in ("/MediaBox", "/CropBox") if key in page]
    if not isinstance(turned, int) or turned % 90 or not boxes:
        raise UncommonError("a page that is turned otherwise")
    for box in boxes:
        edges = [resolved(edge) for edge in box] if isinstance(box, ArrayObject) else []
        if len(edges) != _EDGES or not all(isinstance(edge, (int, float)) for edge in edges):
            raise UncommonError("a page without edges")
        if min(abs(edges[2] - edges[0]), abs(edges[3] - edges[1])) < _NARROW:
            raise UncommonError("a page without room")


def _check_group(drawn: DictionaryObject) -> None:
    group = resolved(drawn.get("/Group"))
    if isinstance(group, DictionaryObject) and resolved(group.get("/K", False)) not in (False, None):
        raise UncommonError("a knockout group")
    if isinstance(group, DictionaryObject) and "/CS" in group:
        plain_space(resolved(group["/CS"]), None)
