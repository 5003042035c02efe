"""``mailbot audit``: the chain of what was done, seen from outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.audit import chain, search, verify
from mailbot.audit.verify import AuditFinding, Head
from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.storage.reading import read_only

if TYPE_CHECKING:
    from mailbot.audit import packed

_BATCH = 500


@click.group(cls=Group)
def audit() -> None:
    """The audit chain: verify it, write its head out, export it."""


@audit.command("verify")
@click.argument("dossier", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--head",
    "heads",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads that were written out before (audit.head_file, or lines of mails); default: audit.head_file.",
)
@options.config
@options.as_json
def verify_(dossier: Path | None, heads: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Name every row that was changed, left out or moved, and every event behind them. Of a DOSSIER (mailbot tickets
    dossier) the same, without a database. Exit code 1: there are some."""
    if dossier is not None:
        _verify_dossier(dossier, _heads(heads) if heads else [], as_json)
        return
    settings = compose.settings(config_file)
    named = heads or (Path(settings.audit.head_file) if settings.audit.head_file else None)
    known = _heads(named) if named is not None and named.exists() else []
    with read_only(settings.database.url) as connection:
        found = _told(verify.verify(connection, known), as_json)
        end, waiting = verify.head(connection), verify.waiting(connection)
    if as_json:
        options.line({"rows": end.seq, "hash": end.hash, "waiting": waiting, "heads": len(known), "findings": found})
    else:
        compared = f", compared with {len(known)} heads written out" if known else ""
        click.echo(f"{end.seq} rows{compared}; {waiting} events wait to be taken over; {found or 'nothing'} wrong")
    if found:
        raise click.exceptions.Exit(1)


def _verify_dossier(file: Path, known: list[Head], as_json: bool) -> None:
    from mailbot.audit import packed  # not for the chain of a database

    data = file.read_bytes()
    try:
        found, manifest = _told(packed.verify(data, known), as_json), packed.manifest_of(data)
    except packed.NoDossier as error:
        raise click.ClickException(_visible(f"{file}: {error.reason}")) from error
    proof = packed.proof(data, known) if known and not found else None
    if as_json:
        options.line({"manifest": manifest, "findings": found, "proven": None if proof is None else asdict(proof)})
    else:
        click.echo(f"{file}: {found or 'nothing'} wrong{_proven(proof, len(known))}")
        click.echo(f'manifest {manifest}: must be the reason of a row "dossier" of the chain of who made the file')
    if found:
        raise click.exceptions.Exit(1)


def _proven(proof: packed.HeadCoverage | None, known: int) -> str:
    if proof is None:
        return ""
    return f"; {proof.heads} of {known} heads lie within and prove {proof.rows} of {proof.of} rows"


@audit.command()
@click.option("--take-over", is_flag=True, help="First take over what happened and is not in the chain yet.")
@options.config
def head(take_over: bool, config_file: Path | None) -> None:
    """Print the newest row's number and hash, to be kept where nobody here can change it."""
    from mailbot.workers.audit import line  # not for --help

    settings = compose.settings(config_file)
    while take_over:
        with compose.writing(settings) as connection:
            take_over = chain.take_over(connection, _BATCH) == _BATCH
    with read_only(settings.database.url) as connection:
        click.echo(line(verify.head(connection), utc_now()))


@audit.command()
@click.option("--after", default=0, show_default=True, help="Only rows behind this one.")
@options.config
def export(after: int, config_file: Path | None) -> None:
    """Print the rows of the chain, one JSON object a line, in their order."""
    with read_only(compose.settings(config_file).database.url) as connection:
        for row in search.behind(connection, after):
            click.echo(chain.canonical(dict(row)))


def _told(findings: Iterable[AuditFinding], as_json: bool) -> int:
    count = 0
    for count, finding in enumerate(findings, 1):  # noqa: B007 - the number of the last one is what counts
        if as_json:
            options.line({"row": finding.seq, "object": finding.object, "what": finding.what})
        else:
            click.echo(_visible(f"row {finding.seq}  {finding.object or '-'}  {finding.what}"))
    return count


def _visible(text: str) -> str:
    """Without what moves a cursor: a file of a stranger must not write over what is said of it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _heads(file: Path) -> list[Head]:
    return list(_parsed(file))


def _parsed(file: Path) -> Iterator[Head]:
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("{") and not text.endswith("}"):  # it proves nothing, and hides none of the others
            click.echo(f"{file}: line {number}: was cut off while it was written; it is passed over", err=True)
            continue
        try:
            found = json.loads(text)
            yield Head(int(found["seq"]), str(found["hash"]))
        except (ValueError, KeyError, TypeError):
            raise click.ClickException(
                f'{file}: line {number}: is no head; mend: one {{"seq": …, "hash": …}} a line, as audit head prints it'
            ) from None
