"""``mailbot man``: manual pages (man(7)) made of the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mailbot import __version__


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_context
def man(ctx: click.Context, folder: Path) -> None:
    """Write the manual pages of all commands into FOLDER, as /usr/local/share/man/man1."""
    folder.mkdir(parents=True, exist_ok=True)
    root = ctx.find_root()
    for words, command in commands(root.command, root):
        file = folder / f"{'-'.join(words)}.1"
        file.write_text(_page(words, command), encoding="utf-8")
    click.echo(
        f"written: {len(list(folder.glob('mailbot*.1')))} pages in {folder}; read one: man -l {folder}/mailbot.1"
    )


def commands(
    command: click.Command, ctx: click.Context, words: tuple[str, ...] = ("mailbot",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, ``mailbot`` itself first."""
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            if found is not None and not found.hidden:
                yield from commands(found, ctx, (*words, name))


def _page(words: tuple[str, ...], command: click.Command) -> str:
    ctx = click.Context(command, info_name=" ".join(words))
    usage = " ".join(command.collect_usage_pieces(ctx))
    lines = [
        f'.TH "{"-".join(words).upper()}" "1" "" "mailbot {__version__}" "mailbot"',
        ".SH NAME",
        _text(f"{'-'.join(words)} - {command.get_short_help_str(200)}").replace(" - ", " \\- ", 1),
        ".SH SYNOPSIS",
        f".B {_text(' '.join(words))}",
        _text(usage),
        ".SH DESCRIPTION",
        *("\n.PP\n" + _text(part) if n else _text(part) for n, part in enumerate((command.help or "").split("\n\n"))),
    ]
    options = [record for one in command.get_params(ctx) if (record := one.get_help_record(ctx))]
    lines += _list("OPTIONS", options)
    if isinstance(command, click.Group):
        under = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        pages = [
            (f"{'-'.join((*words, name))}(1)", c.get_short_help_str(200)) for name, c in under if c and not c.hidden
        ]
        lines += _list("COMMANDS", pages)
    return "\n".join(lines) + "\n"


def _list(title: str, rows: list[tuple[str, str]]) -> list[str]:
    return [f".SH {title}"] * bool(rows) + [f".TP\n\\fB{_text(name)}\\fR\n{_text(meaning)}" for name, meaning in rows]


def _text(text: str) -> str:
    """Words of ours in roff: no line of them is taken for a request."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
