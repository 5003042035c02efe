"""The command line: arguments into calls, results into text. This module only gathers the groups of commands."""

from __future__ import annotations

import sys

import click

from mailbot import __version__
from mailbot.cli.later import Later
from mailbot.errors import DatabaseGone, MailbotError, TemporaryError

EX_TEMPFAIL, EX_CONFIG = 75, 78  # sysexits.h

_COMMANDS = {
    "demo": "demo",
    "run": "run",
    "explain": "explain",
    "rules": "rules",
    "notices": "notices",
    "forms": "forms",
    "signatures": "signatures",
    "trust": "trust",
    "accounts": "accounts",
    "tickets": "tickets",
    "operators": "operators",
    "audit": "audit",
    "queue": "queue",
    "outbox": "queue",
    "inject": "queue",
    "reconcile": "reconcile",
    "doctor": "doctor",
    "completion": "completion",
}
"""Command → its module."""


@click.group(
    cls=Later, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="mailbot")
def cli() -> None:
    """mailbot reads the helpdesk's mail, decides what a machine may decide, and leaves the rest to people."""


def main() -> None:
    """Run the command line; a known failure is one plain message and an exit code, not a traceback."""
    try:
        cli()
    except MailbotError as error:
        click.echo(f"mailbot: {error.reason}", err=True)
        # Started again at once it would begin an empty database where the other one was.
        again = isinstance(error, TemporaryError) and not isinstance(error, DatabaseGone)
        sys.exit(EX_TEMPFAIL if again else EX_CONFIG)
