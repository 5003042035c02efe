"""``mailbot signatures``: what the verifier says of a file, asked as the bot itself asks it: in a worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.observe import utc_now
from mailbot.signatures.bounds import FILE_MAX
from mailbot.signatures.report import SignatureReport, Verdict, to_json
from mailbot.signatures.worker import VERIFYING, Workers, failed

if TYPE_CHECKING:
    from mailbot.ruleset.model import SignatureRules


@click.group(cls=Group)
def signatures() -> None:
    """Electronic signatures: verify a file without sending a mail."""


@signatures.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--content", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What a detached signature signs."
)
@click.option("--trust", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of trust anchors.")
@click.option("--at", type=options.Moment(), help="Moment of arrival; default: now.")
@options.config
@options.as_json
def verify(
    paths: tuple[Path, ...],
    content: Path | None,
    trust: Path | None,
    at: datetime | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Tell of each signature in PATHS (files, or folders walked) whether it is accepted, and why not.

    A detached signature takes its content from --content, else from the file that is called like it without the last
    extension (wniosek.pdf beside wniosek.pdf.p7s). Exit code 0 when every file is accepted, else 1.
    """
    from mailbot.ruleset import loader  # not for --help
    from mailbot.service import compose

    settings = compose.settings(config_file)
    chosen = trust or (Path(settings.trust.directory) if settings.trust.directory else None)
    folder = chosen.resolve() if chosen else None
    rules = loader.load(compose.rules_directory(settings.rules.directory)).signatures
    workers = Workers(
        1,
        {"trust": str(folder) if folder else None},
        readable=[folder] if folder else [],
        bounds=replace(VERIFYING, deadline=settings.signatures.deadline_seconds),
    )
    if not asyncio.run(_verify_all(workers, paths, rules, content, at or utc_now(), as_json)):
        raise SystemExit(1)


async def _verify_all(
    workers: Workers,
    paths: tuple[Path, ...],
    rules: SignatureRules,
    content: Path | None,
    at: datetime,
    as_json: bool,
) -> bool:
    accepted = True
    async with workers:
        await workers.start()
        for file in _walk(paths):
            for report in await _verify(workers, file, rules, content, at):
                options.line(to_json(report)) if as_json else _print(report)
                accepted &= report.verdict is Verdict.ACCEPT
    return accepted


async def _verify(
    workers: Workers, file: Path, rules: SignatureRules, content: Path | None, at: datetime
) -> tuple[SignatureReport, ...]:
    name = os.fsencode(file).decode("utf-8", "replace")
    beside = content or file.with_suffix("")
    try:
        signed = _read(beside) if beside != file and beside.is_file() else None
        return await workers.verify_isolated([(name, _read(file))], at, rules, signed)
    except OSError:  # one bad file never stops the rest
        return (failed(name, at, "read"),)


def _read(file: Path) -> bytes:
    """One octet more than is ever verified: then the verifier itself says that the file is too big."""
    with file.open("rb") as stream:
        return stream.read(FILE_MAX + 1)


def _walk(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Files as named; of a folder every file, in order."""
    for path in paths:
        yield from (f for f in sorted(path.rglob("*")) if f.is_file()) if path.is_dir() else (path,)


def _print(report: SignatureReport) -> None:
    signer = f", {report.signer.given} {report.signer.surname}" if report.signer else ""
    click.echo(f"{report.file}: {report.verdict} ({report.format}, {report.kind}{signer})")
    for reason in report.reasons:
        click.echo(f"  {reason.code}: {reason.text_pl}")
