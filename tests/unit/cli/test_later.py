"""Commands that are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from mailbot.cli import cli
from mailbot.cli.later import Later
from mailbot.cli.rules import rules
from mailbot.cli.tickets import tickets


@pytest.mark.parametrize("group", [cli, rules, tickets])
def test_every_command_is_there(group: Later) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    assert all(isinstance(group.get_command(context, name), click.Command) for name in names)
    assert group.get_command(context, "nothing") is None


@pytest.mark.parametrize("group", [cli, rules, tickets])
def test_the_list_says_how_the_help_of_each_begins(group: Later) -> None:
    context = click.Context(group, max_content_width=400, terminal_width=400)
    listed = dict(line.split(None, 1) for line in group.get_help(context).split("Commands:\n")[1].splitlines())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert " ".join(command.help.split()).startswith(listed[name].strip().removesuffix("."))


def test_the_list_of_commands_imports_none() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from mailbot.cli import cli; "
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0; "
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'aiohttp', 'lxml', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_rules_are_not_slowed_down_by_what_tries_them() -> None:
    code = "import sys, mailbot.cli.rules; sys.exit('mailbot.flow.pipeline' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


HEAVY = ("aiohttp", "aiosmtpd", "alembic", "asn1crypto", "dns", "lxml", "PIL", "pyhanko", "pypdf", "reportlab")
"""What decides about mails, serves or migrates: whoever only looks at the database need not wait for it."""
LOOKS = ("tickets list", "queue ls", "outbox ls", "operators list", "tokens list", "audit verify", "accounts show")
LOOKS += ("backup", "init", "notices list", "tickets find")


@pytest.mark.parametrize("command", LOOKS)
def test_a_command_that_looks_imports_nothing_heavy(command: str) -> None:
    """Each import costs its time at every call: counted, for a clock would be of the machine."""
    code = (
        "import sys; from click.testing import CliRunner; from mailbot.cli import cli; "
        f"assert CliRunner().invoke(cli, '{command} --help'.split()).exit_code == 0; "
        f"print(*(name for name in {HEAVY} if name in sys.modules), len(sys.modules) if len(sys.modules) > 700 else '')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
