"""pypdf reads a font anew for each name that a page has for it.

Programs that write a form line by line (pdf-lib) name their font anew for each line: a map of 6,000 letters was read 18
times, which took more than a file may take (``application.inside``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pypdf.generic import DictionaryObject
from pypdf.generic._font import Font

_READ = "from_font_resource"


@contextmanager
def read_once() -> Iterator[None]:
    """Within it each font is read once, whatever its names. One at a time, in a process that has no threads."""
    read, known = Font.from_font_resource, dict[int, tuple[DictionaryObject, Font]]()
    before = vars(Font)[_READ]

    def once(resource: DictionaryObject) -> Font:
        found = known.get(id(resource))
        if found is None:
            found = known[id(resource)] = (resource, read(resource))  # kept, so that no other gets its id
        return found[1]

    setattr(Font, _READ, staticmethod(once))
    try:
        yield
    finally:
        setattr(Font, _READ, before)
