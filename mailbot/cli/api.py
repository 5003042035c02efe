"""``mailbot api``: what another system must know."""

from __future__ import annotations

import click

from mailbot.cli.later import Group


@click.group(cls=Group)
def api() -> None:
    """The REST API for other systems."""


@api.command()
def schema() -> None:
    """Print the OpenAPI 3.1 document, as docs/openapi.json holds it and the API serves it."""
    from mailbot.api import schema as document  # 0.5 s: not for --help

    click.echo(document.text(), nl=False)
