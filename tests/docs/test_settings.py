"""docs/settings.md says what mailbot.config says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mailbot.config import Settings, load
from tests.docs.settings import page
from tests.support import ROOT


def test_page_is_the_one_the_settings_give() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), (
        "mend: python -m tests.docs.settings > docs/settings.md"
    )


def test_every_default_of_the_page_is_what_an_empty_file_gives(tmp_path: Path) -> None:
    toml = []
    for line in page().splitlines():
        if section := re.fullmatch(r"## (\[\w+\])", line):
            toml.append(section[1])
        elif row := re.match(r"\| `(\w+)` \| `(.*?)` \|", line):
            toml.append(f"{row[1]} = {row[2]}")
    file = tmp_path / "mailbot.toml"
    file.write_text("\n".join(toml), encoding="utf-8")
    assert tomllib.loads(file.read_text(encoding="utf-8"))
    assert load(file, {}) == Settings()
