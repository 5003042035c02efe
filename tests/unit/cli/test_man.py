"""Manual pages say what the commands say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailbot.cli import cli
from mailbot.cli.man import commands


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("man")
    assert CliRunner().invoke(cli, ["man", str(folder)]).exit_code == 0
    return folder


def test_each_command_has_its_page_with_all_its_options(pages: Path) -> None:
    root = click.Context(cli, info_name="mailbot")
    every = list(commands(cli, root))
    assert len(every) > 60
    assert {file.name for file in pages.iterdir()} == {f"{'-'.join(words)}.1" for words, _ in every}
    for words, command in every:
        text = (pages / f"{'-'.join(words)}.1").read_text(encoding="utf-8").replace("\\-", "-")
        for option in command.params:
            assert all(name in text for name in (option.opts if isinstance(option, click.Option) else ())), words


def test_no_line_of_ours_is_a_request_and_the_formatter_has_no_word_to_say(pages: Path) -> None:
    known = (".TH", ".SH", ".PP", ".TP", ".B ")
    for file in pages.iterdir():
        lines = file.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith((".", "'")) and not line.startswith(known)] == []
    if shutil.which("groff"):
        words = ["groff", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", *map(str, sorted(pages.iterdir()))]
        told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        assert [line for line in told.stderr.splitlines() if not line.endswith("cannot adjust line")] == []
