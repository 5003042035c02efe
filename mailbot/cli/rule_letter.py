"""``mailbot rules letter``: what applications.yaml makes of letters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.cli import options
from mailbot.service import places

if TYPE_CHECKING:
    from mailbot.application.letter.purpose import Lack, PurposeResult


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rules", "named", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The folder.")
@options.config
@options.as_json
def letter(files: tuple[Path, ...], named: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Say whether each FILE asks for what case B gives, and what it lacks or says instead.

    A FILE is text, PDF, XML or DOCX; exit code 1 when one does not ask for it. Signatures, accounts are not looked at.
    """
    from mailbot.application.letter.purpose import judge, judged, nameless  # not for --help
    from mailbot.application.read import reading
    from mailbot.ruleset import loader

    chosen = named or places.rules_directory(places.settings(config_file).rules.directory)
    words = loader.load(chosen).application_words
    every = True
    for file in files:
        read = reading(file.read_bytes())
        found = judge(nameless(read.text, read.application, words), words, read.application)
        application = judged(read, words)
        doubts = [doubt for doubt in application.doubts if doubt not in found.notes]
        every = every and found.granted and not doubts
        if as_json:
            options.line({"file": str(file), **_as_json(found), "doubts": doubts, "parted": application.torn})
        else:
            _print(file, found, doubts)
            for address in application.torn:
                click.echo(f"  parted by a line's end: {address}: it must be the sender's, or the login of the signer")
    if not every:
        raise SystemExit(1)


def _as_json(found: PurposeResult) -> dict[str, object]:
    def shown(lacks: tuple[Lack, ...]) -> list[dict[str, str]]:
        return [{"name": lack.name, "title": lack.title, "said": lack.said} for lack in lacks]

    return {"found": found.found, "lacking": shown(found.lacking), "against": shown(found.against)}


def _print(file: Path, found: PurposeResult, doubts: list[str]) -> None:
    click.echo(f"{file}: {'asks for it' if found.granted and not doubts else 'a person decides'}")
    for lack in found.lacking:
        click.echo(f"  lacks {lack.name}: {lack.title}")
    for lack in found.against:
        click.echo(f"  says {lack.name}: {lack.title}: {lack.said}")
    for doubt in doubts:
        click.echo(f"  doubt: {doubt}")
