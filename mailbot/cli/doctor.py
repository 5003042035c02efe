"""``mailbot doctor``: what in the settings does not work, and the mend."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from mailbot.cli import options
from mailbot.service import places


@click.command()
@options.config
@options.as_json
def doctor(config_file: Path | None, as_json: bool) -> None:
    """Try everything the settings name, change nothing, and say what does not work and the mend. Exit code 1 then."""
    from mailbot.service.doctor import examine  # nearly everything: not for --help

    findings = asyncio.run(examine(places.settings(config_file)))
    for finding in findings:
        if as_json:
            options.line({"what": finding.what, "works": finding.works, "detail": finding.detail, "mend": finding.mend})
        else:
            mark = click.style("✓", fg="green") if finding.works else click.style("✗", fg="red")
            click.echo(
                f"{mark} {finding.what}: {finding.detail}" + (f"\n    mend: {finding.mend}" if finding.mend else "")
            )
    if not all(finding.works for finding in findings):
        raise SystemExit(1)
