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
@click.option("--keys", "store_folder", type=_FOLDER, help="Copy the store of keys, too: into a folder of its own.")
@options.config
def backup(folder: Path, key_folder: Path | None, store_folder: Path | None, config_file: Path | None) -> None:
    """Copy the SQLite database into FOLDER, as it is at one moment, while mailbot runs. Files that are there already
    stay. Without its key and its store of keys the copy is of no use: keep both, apart (--key, --keys)."""
    settings = compose.settings(config_file)
    if store_folder is not None:
        backups.refuse_together(store_folder, folder)
    if key_folder is not None:
        click.echo(f"key: {backups.copy_key(settings, key_folder, folder)}; keep it where no backup of the database is")
    for left in backups.clear(settings, folder, store_folder, utc_now()):
        click.echo(f"taken away: {left} (a backup that was broken off)")
    for made in backups.make(settings, backups.databases(settings), folder, utc_now()):
        click.echo(f"written: {made.file} ({made.octets} octets, whole, opens with the key)")
    if store_folder is None:
        click.echo("not copied: the store of keys, without which no mail of it opens; mend: --keys OTHER", err=True)
        return
    for made in backups.make(settings, backups.key_store(settings), store_folder, utc_now()):
        click.echo(f"written: {made.file} ({made.octets} octets, whole); keep few of these, and not for long")
