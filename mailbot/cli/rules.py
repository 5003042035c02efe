"""``mailbot rules``: the admins' rule set."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import compose, options
from mailbot.mails import proof
from mailbot.ruleset import loader


@click.group()
def rules() -> None:
    """Rule set: check it before it decides about anybody."""


@rules.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.config
@options.as_json
def check(directory: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Name every mistake of a rule set: file, line, key and mend. Exit code 1 when there is one."""
    chosen = directory or compose.rules_directory(compose.settings(config_file).rules.directory)
    mistakes = proof.check(chosen)
    for mistake in mistakes:
        options.line({"mistake": mistake}) if as_json else click.echo(mistake)
    if mistakes:
        raise SystemExit(1)
    if not as_json:
        click.echo(f"{chosen}: in order, {len(loader.load(chosen).rules)} rules")
