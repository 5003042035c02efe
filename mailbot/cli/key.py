"""``mailbot key``: the key of the installation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.service import places


@click.group(cls=Group)
def key() -> None:
    """The key of the installation: change it, and seal what an older version left readable."""


@key.command()
@options.config
def rotate(config_file: Path | None) -> None:
    """Make a new key, wrap the keys of messages under it, and end a rotation that was cut off.

    mailbot must stand still on every machine. The key file then holds the new key and the earlier ones: copy it to the
    other machines and to the safe.
    """
    from mailbot.audit import chain  # not for --help
    from mailbot.processes import common_moment
    from mailbot.service import rotation

    settings = places.settings(config_file)
    report = rotation.rotate(settings, chain.shell(options.user()), common_moment(settings.database.url))
    click.echo("a new key is in force" if report.new else "the rotation that was cut off is ended")
    click.echo(f"{report.keys} keys of messages wrapped anew")
    if report.broken:
        click.echo(f"{report.broken} keys do not open, and stay as they are")
    click.echo(f"copy {settings.secret.key_file} to the other machines, and to where its copy is kept")


@key.command()
@options.config
def seal(config_file: Path | None) -> None:
    """Seal the addresses, names and mails of a database that an older version made.

    When every machine has this version, and mailbot stands still on all of them: older versions are refused from then
    on. What is cut off is ended by doing it again, and then mailbot may run meanwhile.
    """
    from mailbot.audit import chain
    from mailbot.processes import common_moment
    from mailbot.service import hiding

    told = partial(click.echo, "begun: older versions are refused from now on; mailbot may run again")
    settings = places.settings(config_file)
    report = hiding.hide(settings, chain.shell(options.user()), common_moment(settings.database.url), told)
    for name, count in report.rows.items():
        click.echo(f"{name}: {count} sealed")
    if report.broken:
        click.echo(f"{report.broken} messages do not open, and stay as they are")
    for name, count in report.left.items():
        click.echo(f"{name}: {count} are readable still; mend: mailbot key seal once more")
    whose = "of all others " if report.broken or report.left else ""
    click.echo(f"{whose}addresses, names and mails are sealed; older backups of the database hold them still")
