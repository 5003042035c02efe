"""``mailbot completion``: what a shell needs to complete commands, options and numbers of tickets."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion for a SHELL; in bash: eval "$(mailbot completion bash)"."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "mailbot", "_MAILBOT_COMPLETE").source())
