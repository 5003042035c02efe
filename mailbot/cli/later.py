"""Groups of commands: one says of each what it does, another imports each one only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class Group(click.Group):
    """Its list of commands gives the whole first sentence of each; click cuts it after 45 letters."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click.Group."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._listed().items()))

    def _listed(self) -> dict[str, str]:
        """Command → how its help begins."""
        return {name: command.get_short_help_str(200) for name, command in self.commands.items()}


class LazyGroup(Group):
    """Checking rules, which runs at every save, must not wait for the servers to load."""

    def __init__(self, *args: Any, modules: Mapping[str, tuple[str, str]], **options: Any) -> None:
        """``modules``: command → the module of mailbot.cli that holds it under its name (or NAME_), and how its help
        begins."""
        super().__init__(*args, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click.Group."""
        return sorted({*super().list_commands(ctx), *self._modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group."""
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"mailbot.cli.{self._modules[cmd_name][0]}")
        found = getattr(module, f"{cmd_name}_", None) or getattr(module, cmd_name)  # "list_": list is Python's
        assert isinstance(found, click.Command)
        return found

    def _listed(self) -> dict[str, str]:
        """As of ``Group``, without importing what it lists."""
        return super()._listed() | {name: text for name, (_, text) in self._modules.items()}
