"""Commands that are imported when they are asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import click
import pytest

from mailbot.cli import cli
from mailbot.cli.later import LazyGroup
from mailbot.cli.rules import rules
from mailbot.cli.tickets import tickets


@pytest.mark.parametrize("group", [cli, rules, tickets])
def test_every_command_is_there(group: LazyGroup) -> None:
    context = click.Context(group)
    names = group.list_commands(context)
    assert all(isinstance(group.get_command(context, name), click.Command) for name in names)
    assert group.get_command(context, "nothing") is None


@pytest.mark.parametrize("group", [cli, rules, tickets])
def test_the_list_says_how_the_help_of_each_begins(group: LazyGroup) -> None:
    context = click.Context(group, max_content_width=400, terminal_width=400)
    listed = dict(line.split(None, 1) for line in group.get_help(context).split("Commands:\n")[1].splitlines())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert " ".join(command.help.split()).startswith(listed[name].strip().removesuffix("."))


def test_no_list_of_commands_is_cut_short() -> None:
    groups: list[click.Group] = [cli]
    for group in groups:
        context = click.Context(group)
        assert "..." not in group.get_help(context).partition("Commands:")[2], group.name
        under = (group.get_command(context, name) for name in group.list_commands(context))
        groups += [one for one in under if isinstance(one, click.Group)]
    assert len(groups) > 15


def test_the_list_of_commands_imports_none() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from mailbot.cli import cli; "
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0; "
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'aiohttp', 'lxml', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_rules_are_not_slowed_down_by_what_tries_them() -> None:
    code = "import sys, mailbot.cli.rule_check; sys.exit('mailbot.flow.pipeline' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


HEAVY = ("aiohttp", "aiosmtpd", "alembic", "asn1crypto", "dns", "lxml", "PIL", "pyhanko", "pypdf", "reportlab")
"""What decides about mails, serves or migrates: whoever only looks at the database need not wait for it."""
WATCHED = (*HEAVY, "sqlalchemy", "yaml")
LOOKS = ("tickets list", "queue ls", "outbox ls", "operators list", "tokens list", "audit verify", "accounts show")
LOOKS += ("backup", "init", "notices list", "tickets find", "accounts import", "breaker show", "csd ls")
LOOKS += ("rules check", "rules schema", "retention run")
TELLS = ("run", "doctor", "explain", "api schema", "forms", "completion", "man", "demo", "rules test", "rules case")
TELLS += ("rules replay", "rules hits", "rules letter", "rules adopt", "tickets show", "key rotate", "reconcile")
"""Their help says what they do, and needs nothing of it, not even the database."""


@pytest.mark.parametrize(
    ("command", "heavy", "most"),
    [*((one, HEAVY, 650) for one in LOOKS), *((one, WATCHED, 280) for one in TELLS)],
)
def test_a_command_imports_nothing_heavy(command: str, heavy: Sequence[str], most: int) -> None:
    """Each import costs its time at every call: counted, for a clock would be of the machine."""
    (told,) = (one[command] for one in (_helped(LOOKS, "mailbot.cli.backup"), _helped(TELLS)) if command in one)
    names, count = told
    assert names.isdisjoint(heavy)
    assert count <= most


@cache
def _helped(commands: Sequence[str], before: str = "mailbot.cli") -> dict[str, tuple[frozenset[str], int]]:
    """Command → what is imported when its help has been asked for, and how many modules."""
    helped = {one: f"assert CliRunner().invoke(cli, {[*one.split(), '--help']}).exit_code == 0" for one in commands}
    found = _imported(tuple(helped.values()), before)
    return {one: found[asked] for one, asked in helped.items()}


WORK = ("mailbot.cli.ticket_show", "mailbot.cli.dossier", "mailbot.service.rotation", "mailbot.ingress.reconcile")


@pytest.mark.parametrize("module", WORK)
def test_what_a_command_does_loads_nothing_heavy(module: str) -> None:
    names, count = _imported(tuple(f"import {one}" for one in WORK), "mailbot.cli.backup")[f"import {module}"]
    assert names.isdisjoint(HEAVY)
    assert count <= 650


TELLS_WITH_TABLES = ("tickets freeze", "tickets export", "signatures verify", "trust show", "notices list")


@pytest.mark.parametrize("command", TELLS_WITH_TABLES)
def test_a_help_needs_no_database(command: str) -> None:
    names, count = _helped(TELLS_WITH_TABLES)[command]
    assert names.isdisjoint({*HEAVY, "sqlalchemy"})
    assert count <= 330


READS = ("pypdf", "pypdfium2", "PIL", "lxml", "asn1crypto", "holidays", "alembic", "sqlalchemy.dialects.postgresql")
"""What reads strangers' files belongs into a locked process; the rest is for other installations, or another day."""


@pytest.mark.parametrize(
    ("module", "heavy", "most"),
    [
        ("mailbot.service.supervision", (*READS, "aiohttp", "nh3", "mailbot.parsing.mime", "authlib"), 850),
        ("mailbot.console.login", (*READS, "authlib"), 1_150),
        ("mailbot.flow.understand", (*READS, "sqlalchemy", "aiohttp", "jinja2"), 500),
        ("mailbot.application.isolated", READS, 250),
    ],
)
def test_a_process_has_only_what_it_needs(module: str, heavy: Sequence[str], most: int) -> None:
    """Memory that each process has for itself, and time at each start."""
    ((names, count),) = _imported((f"import {module}",)).values()
    assert names.isdisjoint(heavy)
    assert count <= most


@cache
def _imported(whats: Sequence[str], before: str = "mailbot.cli") -> dict[str, tuple[frozenset[str], int]]:
    """Statement → what is imported when it is done, and how many modules. Each in a child of one process that has
    imported ``before``, which most of them do: what it has, counts for all."""
    code = f"""
import json, os, sys, {before}
from click.testing import CliRunner
from mailbot.cli import cli
for what in {whats!r}:
    sys.stdout.flush()
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, what
        continue
    exec(what)
    print(json.dumps([what, [*sys.modules], len(sys.modules)]))
    sys.exit()
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    return {what: (frozenset(names), count) for what, names, count in map(json.loads, told)}
