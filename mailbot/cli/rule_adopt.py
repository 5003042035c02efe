"""``mailbot rules adopt``: another rule set for all machines."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import options


@click.command()
@options.config
def adopt(config_file: Path | None) -> None:
    """Bring the rule set of this machine into force, on every machine with this database. Who has another one decides
    nothing until its folder is the same. Not needed where a running process takes the set out of its folder."""
    from mailbot import processes  # not for --help
    from mailbot.service import compose

    settings = compose.settings(config_file)
    ruleset, _ = compose.rules(settings)
    with compose.writing(settings) as connection:
        others = processes.adopt(connection, ruleset.hash, options.user(), processes.common_now(connection))
    click.echo(f"{ruleset.hash[:12]} is in force")
    for one in others:
        click.echo(f"{one.name} ({one.roles}) has {one.ruleset[:12]}: copy the folder there")
