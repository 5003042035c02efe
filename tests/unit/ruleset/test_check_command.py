"""`mailbot rules check` and `mailbot rules schema`: formats and exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbot.cli.reports import sarif
from mailbot.cli.rules import rules as command
from mailbot.ruleset import schema
from mailbot.ruleset.findings import CODES, Finding, Level
from mailbot.ruleset.loader import FILES
from tests.support import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "rules", tmp_path / "rules"))


def check(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["check", *map(str, arguments)])


def spoil(folder: Path, old: str, new: str) -> None:
    file = folder / "procedures.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def with_a_warning(folder: Path) -> None:
    """A word that the rule for limits above has taken."""
    spoil(folder, "      duplicate: same-request\n", "      duplicate: same-request\n      limit: [no, sender]\n")


def test_in_order(folder: Path) -> None:
    for result in (check(folder), check("--rules", folder)):
        assert result.exit_code == 0
        assert result.stdout.endswith(" rules\n")
        assert "notes; --notes prints them" in result.stderr


def test_notes(folder: Path) -> None:
    result = check(folder, "--notes")
    assert result.exit_code == 0
    assert ": note: " in result.stdout


def test_a_warning_fails_only_when_strict(folder: Path) -> None:
    with_a_warning(folder)
    result = check(folder)
    assert result.exit_code == 0
    assert 'warning: when.limit: no mail with "sender" comes so far' in result.stdout
    assert check(folder, "--strict").exit_code == 1


def test_an_error_fails(folder: Path) -> None:
    spoil(folder, "subject: EXACT", "subject: EXAKT")
    result = check(folder)
    assert result.exit_code == 1
    assert "in order" not in result.stdout
    assert 'when.subject: "EXAKT" is not a word of this fact; mend: did you mean "EXACT"?' in result.stdout


@pytest.mark.parametrize("option", [("--format", "json"), ("--json",)])
def test_json(option: tuple[str, ...], folder: Path) -> None:
    spoil(folder, "subject: EXACT", "subject: EXAKT")
    result = check(folder, *option)
    assert result.exit_code == 1
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert set(found[0]) == {"mistake", "file", "line", "column", "text", "mend", "level", "code"}
    assert (found[0]["level"], found[0]["code"]) == ("error", "unknown-word")


def test_sarif(folder: Path) -> None:
    """The properties that SARIF 2.1.0 requires (§3.13, §3.14, §3.19, §3.27)."""
    with_a_warning(folder)
    result = check(folder, "--format", "sarif")
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert [rule["id"] for rule in driver["rules"]] == list(CODES)
    assert {found["level"] for found in run["results"]} == {"warning", "note"}
    for found in run["results"]:
        assert driver["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
        assert found["message"]["text"]
        (place,) = (location["physicalLocation"] for location in found["locations"])
        assert place["artifactLocation"]["uri"].endswith("procedures.yaml")
        assert place["region"]["startLine"] >= 1
        assert place["region"].get("startColumn", 1) >= 1


def test_sarif_of_a_place_with_odd_letters() -> None:
    log = sarif([Finding("reguły a/b.j2", 3, 0, "t", "m", Level.ERROR, "template")])
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "regu%C5%82y%20a/b.j2"}, "region": {"startLine": 3}}


def test_schema_of_one_file_and_of_all() -> None:
    one = CliRunner().invoke(command, ["schema", "limits.yaml"])
    assert json.loads(one.stdout) == schema.of("limits.yaml")
    everything = CliRunner().invoke(command, ["schema"])
    assert set(json.loads(everything.stdout)["$defs"]) == set(FILES)


def test_schemas_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "schema")
    (folder.parent / "mailbot.toml").write_text(f'[rules]\ndirectory = "{folder}"\n', encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    assert CliRunner().invoke(command, ["schema", "--write"]).exit_code == 0
    assert {p.name for p in (folder / "schema").iterdir()} == {schema.file_name(file) for file in FILES}


def test_a_letter_is_tried_on_the_vocabulary(folder: Path, tmp_path: Path) -> None:
    asks, other = tmp_path / "wniosek.txt", tmp_path / "pismo.txt"
    data = "Jan Kowalski, dotychczasowy login: a@stary.example, nowy login: b@nowa.example."
    asks.write_text(f"Proszę o nowe hasło awaryjne i nowy login do PUESC. {data}\n", encoding="utf-8")
    other.write_text(f"Umowa najmu. {data}\n", encoding="utf-8")

    def letter(*arguments: object) -> Result:
        return CliRunner().invoke(command, ["letter", *map(str, arguments), "--rules", str(folder)])

    good = letter(asks)
    assert (good.exit_code, good.stdout) == (0, f"{asks}: asks for it\n")
    bad = letter(asks, other)
    assert bad.exit_code == 1
    assert "lacks puesc: nazwa PUESC" in bad.stdout
    assert "says umowa: umowa: umow*" in bad.stdout
    told = [json.loads(line) for line in letter(asks, other, "--json").stdout.splitlines()]
    assert [one["found"] for one in told] == [["haslo", "login", "puesc"], []]
    assert [lack["name"] for lack in told[1]["lacking"]] == ["haslo", "login", "puesc"]
    cut = tmp_path / "urwany.txt"
    cut.write_text(asks.read_text(encoding="utf-8").replace("b@nowa.example", "bea.\nb@nowa.example"), encoding="utf-8")
    assert "doubt: an address that may be cut in two" in letter(cut).stdout
