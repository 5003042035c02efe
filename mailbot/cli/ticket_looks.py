"""``mailbot tickets show``, ``application`` and ``dossier``: what is typed. What does it is imported then."""

from __future__ import annotations

from pathlib import Path

import click

from mailbot.cli import options, ticket_numbers


@click.command(params=[ticket_numbers.argument()])
@click.option("--text", "with_text", is_flag=True, help="What the citizen wrote, without numbers and passwords.")
@click.option("--as", "who", metavar="OPERATOR", envvar="MAILBOT_OPERATOR", help="Also what OPERATOR may do, or not.")
@options.config
@options.as_json
def show(number: str, with_text: bool, who: str | None, config_file: Path | None, as_json: bool) -> None:
    """Show a ticket: letter, application, signer and account side by side, its history and mails, why it was decided
    so, and what may be done."""
    from mailbot.cli.ticket_show import tell

    tell(number, with_text, who, config_file, as_json)


@click.command(params=[ticket_numbers.argument()])
@click.option("--out", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder.")
@click.option("--as", "who", metavar="OPERATOR", envvar="MAILBOT_OPERATOR", required=True, help="Who looks.")
@options.config
@options.as_json
def application(number: str, out: Path, who: str, config_file: Path | None, as_json: bool) -> None:
    """Write the pictures and the text of the application of ticket NUMBER into a folder. Who looks is written down:
    both people who accept a change of login must have looked."""
    from mailbot.cli.ticket_application import write

    write(number, out, who, config_file, as_json)


@click.command()
@click.argument("number")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The ZIP file; made anew.")
@options.config
def dossier(number: str, out: Path, config_file: Path | None) -> None:
    """Write the letters, facts, rule, signatures, mails and actions of ticket NUMBER into one file that proves itself
    (mailbot audit verify FILE). That it was made stands in the history of the ticket."""
    from mailbot.cli.dossier import write

    write(number, out, config_file)
