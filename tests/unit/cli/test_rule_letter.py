"""``rules letter`` says what would be said of a mail."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mailbot.cli.rule_letter import letter

ASKS = "Proszę o nowe hasło awaryjne i nowy login do PUESC.\n"
DATA = "Dotychczasowy login: jan@stary.example\nNowy login: jan@nowa.example\n"


def test_it_has_every_doubt_that_a_mail_has(tmp_path: Path) -> None:
    plain, doubted = tmp_path / "plain.txt", tmp_path / "doubted.txt"
    plain.write_text(f"{ASKS}Imię i nazwisko: Jan Kowalski\n{DATA}", encoding="utf-8")
    doubted.write_text(f"{ASKS}Imię: Jan\nNazwisko: Nowy\n{DATA}", encoding="utf-8")
    asked, not_asked = (CliRunner().invoke(letter, [str(file), "--rules", "rules"]) for file in (plain, doubted))
    assert (asked.exit_code, asked.output) == (0, f"{plain}: asks for it\n")
    assert (not_asked.exit_code, not_asked.output) == (
        1,
        f"{doubted}: a person decides\n  doubt: a name may stand there that was not recognised\n",
    )
