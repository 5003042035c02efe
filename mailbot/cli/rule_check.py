"""``mailbot rules check`` and ``schema``: a rule set before it decides about anybody."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from mailbot.cli import options, reports
from mailbot.errors import ConfigError
from mailbot.mails import proof
from mailbot.ruleset import loader, schema
from mailbot.ruleset.findings import Level
from mailbot.ruleset.model import Ruleset
from mailbot.service import places
from mailbot.web import pages

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("directory", required=False, type=_FOLDER)
@click.option("--rules", "named", type=_FOLDER, help="The folder, as an option.")
@options.config
@click.option("--format", "form", type=click.Choice(list(reports.FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--notes", is_flag=True, help="Print notes as well.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
def check(
    directory: Path | None,
    named: Path | None,
    config_file: Path | None,
    form: str,
    as_json: bool,
    notes: bool,
    strict: bool,
) -> None:
    """Name everything wrong with a rule set: file, line, key and mend.

    Exit code 1 when there is an error. Notes are always in SARIF, else they are printed with --notes.
    """
    chosen = directory or named or places.rules_directory(places.settings(config_file).rules.directory)
    form = "json" if as_json else form
    ruleset, found = proof.examine(chosen)
    if ruleset is not None:
        found += pages.findings(ruleset)
    shown = [finding for finding in found if notes or form == "sarif" or finding.level is not Level.NOTE]
    reports.FORMATS[form](shown)
    levels = Counter(finding.level for finding in found)
    if form == "text":
        _summary(chosen, ruleset, levels, notes)
    if levels[Level.ERROR] or (strict and levels[Level.WARNING]):
        raise SystemExit(1)


@click.command("schema")
@click.argument("file", required=False, type=click.Choice(list(loader.FILES)))
@click.option("--write", is_flag=True, help="Write rules/schema/*.json of the rule set in use.")
@options.config
def schema_(file: str | None, write: bool, config_file: Path | None) -> None:
    """Print the JSON Schema of one file of a rule set, or of all: editors complete and check with it."""
    if not write:
        click.echo(schema.written(schema.of(file) if file else schema.everything()), nl=False)
        return
    folder = places.rules_directory(places.settings(config_file).rules.directory) / "schema"
    try:
        folder.mkdir(exist_ok=True)
        for name in [file] if file else loader.FILES:
            (folder / schema.file_name(name)).write_text(schema.written(schema.of(name)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; mend: let this user write there") from error
    click.echo(f"{folder}: written")


def _summary(chosen: Path, ruleset: Ruleset | None, levels: Counter[Level], notes: bool) -> None:
    if levels[Level.NOTE] and not notes:
        click.echo(f"{levels[Level.NOTE]} notes; --notes prints them", err=True)
    if ruleset is not None and not levels[Level.ERROR]:
        click.echo(f"{chosen}: in order, {len(ruleset.rules)} rules")
