"""The argument NUMBER of ``mailbot tickets``, and what a shell completes it to."""

from __future__ import annotations

import importlib

import click

_MOST = 100
"""Numbers that a shell is offered."""


def argument() -> click.Argument:
    """NUMBER, in any spelling."""
    return click.Argument(["number"], shell_complete=complete)


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Open tickets whose number begins so. A shell that asks must hear nothing else, whatever is wrong."""
    places = importlib.import_module("mailbot.service.places")
    reading = importlib.import_module("mailbot.storage.reading")
    listing = importlib.import_module("mailbot.tickets.listing")
    try:
        with reading.read_only(places.settings(ctx.params.get("config_file")).database.url) as connection:
            return list(listing.open_numbers(connection, incomplete.upper(), _MOST))
    except Exception:
        return []
