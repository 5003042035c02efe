"""Commands that are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from mailbot.cli import cli
from mailbot.cli.later import Later
from mailbot.cli.rules import rules


@pytest.mark.parametrize("group", [cli, rules])
def test_every_command_is_there(group: Later) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    assert all(isinstance(group.get_command(context, name), click.Command) for name in names)
    assert group.get_command(context, "nothing") is None


def test_the_rules_are_not_slowed_down_by_what_tries_them() -> None:
    code = "import sys, mailbot.cli.rules; sys.exit('mailbot.flow.pipeline' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
