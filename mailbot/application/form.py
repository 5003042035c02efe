"""The empty application (case B): a fillable, tagged PDF in Polish that ``read`` reads back exactly.

A file of the package: ``python -m tests.form`` makes it, and a test compares.
"""

from __future__ import annotations

from importlib.resources import files

FILE_NAME = "wniosek.pdf"


def octets() -> bytes:
    """The file."""
    return files(__package__).joinpath(FILE_NAME).read_bytes()
