"""``mailbot forms``: the ready application as a fillable PDF."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.application import form
from mailbot.cli import options


@click.command()
@click.argument("file", required=False, default=form.FILE_NAME, type=click.Path(dir_okay=False, path_type=Path))
@options.as_json
def forms(file: Path, as_json: bool) -> None:
    """Write the empty application (case B) as a fillable PDF, to ./wniosek.pdf or FILE. Never writes over a file."""
    try:
        with file.open("xb") as out:
            out.write(form.octets())
    except FileExistsError as error:
        raise click.ClickException(f"{file}: is there already; mend: name another file") from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}; mend: name a folder that can be written") from error
    options.line({"file": str(file)}) if as_json else click.echo(f"{file}: written")
