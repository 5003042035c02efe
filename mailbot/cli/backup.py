"""``mailbot backup``: a copy of the database while mailbot runs, and of the key when somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import options
from mailbot.observe import utc_now
from mailbot.service import backups, compose

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True, writable=True)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--key", "key_folder", type=_FOLDER, help="Copy the key file, too: into another folder, kept elsewhere.")
@options.config
def backup(folder: Path, key_folder: Path | None, config_file: Path | None) -> None:
    """Copy the SQLite database into FOLDER, as it is at one moment, while mailbot runs. Files that are there already
    stay. Without its key the copy is of no use: keep one apart (--key)."""
    settings = compose.settings(config_file)
    if key_folder is not None:
        click.echo(f"key: {backups.copy_key(settings, key_folder, folder)}; keep it where no backup of the database is")
    for made in backups.make(settings, backups.databases(settings), folder, utc_now()):
        click.echo(f"written: {made.file} ({made.octets} octets, whole, opens with the key)")
