"""docs/admin.md: what it tells an administrator to write is written into a copy of the rules, and does what it says."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbot.cli import cli
from mailbot.ruleset import loader
from tests.support import ROOT

PAGE = (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
BLOCK = r"\n\n```(?:yaml)?\n(.*?)```"


def do(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def section(title: str) -> str:
    """The text of one chapter."""
    return re.split(r"^## ", PAGE.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def follow(text: str, folder: Path) -> int:
    """Do in ``folder`` what ``text`` says; returns how many changes that were."""
    done = 0
    for old, new, file in _replacements(text):
        path = folder / file
        before = path.read_text(encoding="utf-8")
        assert old in before, f"{file} does not hold {old}"
        path.write_text(before.replace(old, new), encoding="utf-8")
        done += 1
    for file, added in re.findall(rf"[Aa]t the end of `([\w.]+)`:{BLOCK}", text, re.DOTALL):
        path = folder / file
        path.write_text(f"{path.read_text(encoding='utf-8').rstrip()}\n\n{added}", encoding="utf-8")
        done += 1
    for file, content in re.findall(rf"[Ii]n a new file `([\w./]+)`[^`]*?:{BLOCK}", text, re.DOTALL):
        (folder / file).write_text(content, encoding="utf-8")
        done += 1
    for file, rule, added in re.findall(rf"In `([\w.]+)`, above the rule `([\w-]+)`,[^`]*?:{BLOCK}", text, re.DOTALL):
        path = folder / file
        before, mark, after = path.read_text(encoding="utf-8").partition(f"  - name: {rule}\n")
        assert mark, f"{file} has no rule {rule}"
        path.write_text(before + added + mark + after, encoding="utf-8")
        done += 1
    return done


def _replacements(text: str) -> list[tuple[str, str, str]]:
    """(old, new, file) of every sentence "in `file` put `new` in the place of `old`"."""
    said = " ".join(text.split())
    found = re.findall(r"[Ii]n `([\w./]+)` put `([^`]+)` in the place of `([^`]+)`", said)
    return [(old, new, file) for file, new, old in found]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "rules", tmp_path / "trial"))


def clean(trial: Path) -> None:
    checked = do("rules", "check", "--rules", str(trial), "--strict")
    assert checked.exit_code == 0, checked.output
    tested = do("rules", "test", "--rules", str(trial))
    assert tested.exit_code == 0, tested.output


def explain(trial: Path, mail: str, *more: str) -> str:
    found = do("explain", str(trial / mail), "--rules", str(trial), "--mails", *more)
    assert found.exit_code == 0, found.output
    return found.output


def test_a_phone_number(trial: Path) -> None:
    assert follow(section("Change a phone number"), trial) == 1
    clean(trial)
    assert "22 460 59 71" in explain(trial, "cases/usuniecie-konta.eml", "--authentication", "pass")


def test_a_template_with_the_old_number(trial: Path) -> None:
    follow(section("Change a phone number"), trial)
    template = trial / "mails" / "T11_usuniecie_konta.txt.j2"
    lines = template.read_text(encoding="utf-8").split("\n")
    told = re.findall(r"T11_usuniecie_konta\.txt\.j2:([0-9]+): (.*?); mend: …", section("Change a phone number"))
    ((line, message),) = told
    lines.insert(int(line) - 1, "22 460 59 70")
    template.write_text("\n".join(lines), encoding="utf-8")
    checked = do("rules", "check", "--rules", str(trial))
    assert f"T11_usuniecie_konta.txt.j2:{line}: {message}; mend: " in checked.output


def test_a_text(trial: Path) -> None:
    assert follow(section("Change the text of a mail"), trial) == 1
    clean(trial)


def test_a_faq_entry(trial: Path) -> None:
    assert follow(section("Add a FAQ entry"), trial) == 1
    clean(trial)
    told = section("Add a FAQ entry")
    (old, new, question) = re.findall(r"cp trial/(\S+) trial/(\S+) +# write \"(.*?)\" into it", told)[0]
    asked = (trial / old).read_text(encoding="utf-8").partition("\n\n")[0]
    (trial / new).write_text(f"{asked}\n\n{question}\n", encoding="utf-8")
    assert "Nie. Platforma działa w przeglądarce." in explain(trial, new, "--authentication", "pass")
    made = do("rules", "case", str(trial / new), "--rules", str(trial))
    (trial / new).with_suffix(".yaml").write_text(made.stdout, encoding="utf-8")
    clean(trial)


def test_a_break(trial: Path) -> None:
    assert follow(section("Announce a break"), trial) == 1
    clean(trial)
    settings = trial / "mailbot.toml"
    settings.write_text(f'[rules]\ndirectory = "{trial}"\n', encoding="utf-8")
    published = do("notices", "publish", "przerwa-2026-12-05", "--config", str(settings))
    assert published.exit_code == 0, published.output
    shown = explain(
        trial, "cases/nowe.eml", "--authentication", "pass", "--accounts", str(trial / "cases/accounts.yaml")
    )
    assert "niedostępny" not in shown
    during = ("--now", "2026-12-05T09:00:00+01:00", "--accounts", str(trial / "cases/accounts.yaml"))
    assert "godz. 10:00." in explain(trial, "cases/nowe.eml", "--authentication", "pass", *during)


def test_a_day_off(trial: Path) -> None:
    told = section("Change a deadline, a day off, a limit")
    (file, old), added = re.findall(r"`(calendar\.yaml)`,\s+in the place of the line `(.+?)`", told)[0], BLOCK
    (new,) = re.findall(rf":{added}", told, re.DOTALL)
    text = (trial / file).read_text(encoding="utf-8")
    assert f"\n{old}\n" in text
    (trial / file).write_text(text.replace(f"\n{old}\n", f"\n{new}"), encoding="utf-8")
    clean(trial)
    assert date(2026, 8, 14) in loader.load(trial).calendar.extra_days_off


def test_a_channel_of_ones_own(trial: Path) -> None:
    assert follow(section("Add a channel of your own, with its test"), trial) == 7
    clean(trial)
    found = json.loads(do("rules", "test", "--rules", str(trial), "--json").output.splitlines()[0])
    assert found, "the cases were decided"
    assert "Wybierz „Opłaty”" in explain(trial, "cases/oplaty.eml", "--authentication", "pass")


def test_every_command_exists() -> None:
    for line in re.findall(r"^mailbot (.+?)(?:\s{2,}#.*)?$", PAGE, re.MULTILINE):
        words = [w for w in line.split() if not w.startswith("-")]
        names = words[:2] if words[0] in ("rules", "notices", "tickets") else words[:1]
        assert do(*names, "--help").exit_code == 0, line
        options = [w for w in line.split() if w.startswith("--")]
        helped = do(*names, "--help").output
        assert [o for o in options if o not in helped] == [], line


def test_every_file_of_the_rule_set_is_told() -> None:
    files = {path.name for path in (ROOT / "rules").glob("*.yaml")}
    told = PAGE.split("| file | what it says |")[1].split("\n\n")[0]
    assert sorted(name for name in files if f"`{name}`" not in told) == []
