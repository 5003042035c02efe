"""The command line: arguments into calls, results into text. This module only gathers the groups of commands."""

from __future__ import annotations

import gc
import sys

import click

from mailbot import __version__
from mailbot.cli.later import LazyGroup

_GARBAGE = (200_000, 20, 20)  # to look for cycles while modules load took an eighth of a command
_INTERRUPTED = 128 + 2  # as a shell tells of SIGINT

_COMMANDS = {
    "demo": ("demo_command", "Feed the mails of fixtures/ to a complete mailbot and show what becomes of them"),
    "init": ("init", "Ask what an installation needs; write mailbot.toml and rules/ into FOLDER"),
    "run": ("run", "Take mail in, decide, send, serve the activation page and the console"),
    "explain": ("explain", "Tell which rule each mail of PATHS meets and what would be sent"),
    "rules": ("rules", "Rule set: check it, try it, compare it, before it decides about anybody"),
    "notices": ("notices", "Breaks of a service: list them, publish one, withdraw one"),
    "forms": ("forms", "Write the empty application (case B) as a fillable PDF"),
    "signatures": ("signatures", "Electronic signatures: verify a file without sending a mail"),
    "trust": ("trust", "Trusted lists, anchors and revocation data"),
    "accounts": ("accounts", "Accounts: import, show, remove, and PESEL hashes for a registry elsewhere"),
    "tickets": ("tickets", "Tickets: list, find, show, and everything a person may do with one"),
    "operators": ("operators", "Operators of the desk: invite, change, let nobody in any more"),
    "tokens": ("tokens", "Tokens of other systems for the REST API: add, list, revoke"),
    "api": ("api", "The REST API for other systems"),
    "audit": ("audit", "The audit chain: verify it, write its head out, export it"),
    "queue": ("queue", "Messages that came in: list, show, try again, take out of the unsolicited mail"),
    "outbox": ("queue", "Mails that go out: list, try again"),
    "breaker": ("breaker", "What leaves by itself, and what was stopped because it was too much"),
    "csd": ("csd", "The events of tickets that CSD is told: list, try again"),
    "inject": ("queue", "Put mail files into the inbox as if they had just come"),
    "reconcile": ("reconcile", "Compare the IMAP folders with the database"),
    "retention": ("retention", "Erase what a person wrote, here and, with its keys, in every backup"),
    "key": ("key", "The key of the installation: change it, and seal what an older version left readable"),
    "doctor": ("doctor", "Try everything the settings name, change nothing"),
    "man": ("man", "Write the manual pages of all commands into FOLDER"),
    "backup": ("backup", "Copy the SQLite database into FOLDER"),
    "probe": ("probe", "Send a mail through everything and wait for its answer"),
    "completion": ("completion", "Print the completion for a SHELL"),
}
"""Command → its module, and how its help begins: the list of commands imports none of them."""


@click.group(
    cls=LazyGroup, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="mailbot")
def cli() -> None:
    """mailbot reads the helpdesk's mail, decides what a machine may decide, and leaves the rest to people."""


def main() -> None:
    """Run the command line; what a person or the machine can cause is one plain message and an exit code."""
    gc.set_threshold(*_GARBAGE)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:
        click.echo("Aborted!", err=True)
        sys.exit(_INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else 1)
    except Exception as error:
        from mailbot.cli.failures import told  # only now: it needs the database's classes

        if (failure := told(error)) is None:
            raise
        click.echo(f"mailbot: {failure.words}", err=True)
        sys.exit(failure.code)
    sys.exit(code if isinstance(code, int) else 0)
