"""What a format reader hands to ``fields``: the visible text of an application, and values with certain labels."""

from __future__ import annotations

from dataclasses import dataclass


class UnreadableError(Exception):
    """The bytes are no document we read, are broken, or go beyond a limit. Never leaves the package."""


@dataclass(frozen=True, slots=True)
class Document:
    """The visible content of an application."""

    text: str
    """Lines end with \\n; cells of one table row (or far apart on one line of a page) are parted by \\t."""
    pairs: tuple[tuple[str, str], ...] = ()
    """(label, value) where the borders of the value are certain: fields of a form. Values may be empty."""
    pictures: bool = False
    """There is a page, or a whole document, that shows a picture and no text."""
    beside: tuple[str, ...] = ()
    """What stands around the text and is no datum: what the parts of it are called."""
    doubts: tuple[str, ...] = ()
    """Why a person may see something else."""
