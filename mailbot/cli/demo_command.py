"""``mailbot demo``: what is typed. The story itself needs nearly everything, and so is imported when it is played."""

from __future__ import annotations

from pathlib import Path

import click

_WEB_PORT, _DESK_PORT = 8080, 8081


@click.command()
@click.option(
    "--once", is_flag=True, help="Play the desk and end: 0 only if every mail and every act met its expected outcome."
)
@click.option(
    "--folder",
    default=".demo",
    type=click.Path(path_type=Path, file_okay=False),
    show_default=True,
    help=("Work folder: database, key, captured mail. Made anew at each start."),
)
@click.option("--port", default=_WEB_PORT, show_default=True, help="Port of the web page; a free one when taken.")
@click.option("--desk-port", default=_DESK_PORT, show_default=True, help="Port of the desk; a free one when taken.")
def demo(once: bool, folder: Path, port: int, desk_port: int) -> None:
    """Feed the mails of fixtures/ to a complete mailbot and show what becomes of them. It runs on this machine
    alone. Then sit down at the desk with what is left open, or (--once) watch two operators do all that can be done."""
    from mailbot.cli.demo import demo as played

    raise SystemExit(0 if played(once, folder, (port, desk_port)) else 1)
