"""``mailbot init``: what an office says before the first start, as a commented mailbot.toml and rules of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import click

from mailbot import config
from mailbot.cli.init_questions import MX, QUESTIONS, WAYS, Question
from mailbot.config.writing import written
from mailbot.errors import ConfigError
from mailbot.service.places import DEFAULT_CONFIG, SHIPPED_RULES

_HEAD = """Settings of mailbot, written by mailbot init. A line that begins with # tells the default.
Every setting: docs/settings.md. After a change: mailbot doctor, then start mailbot again."""


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--set", "given", multiple=True, metavar="SECTION.KEY=VALUE", help="A setting; asked for no more.")
@click.option("--mx", type=click.Choice(sorted(MX)), help="The mail server in front of mailbot (docs/mx.md).")
@click.option("--yes", is_flag=True, help="Ask nothing: the default for what is not given.")
def init(folder: Path, given: tuple[str, ...], mx: str | None, yes: bool) -> None:
    """Ask what an installation needs; write mailbot.toml and rules/ into FOLDER. What is there stays as it is."""
    folder = folder.resolve()
    file, rules = folder / DEFAULT_CONFIG, folder / "rules"
    for path in (file, rules):
        if path.exists():
            raise ConfigError(f"{path}: is there already; mend: change it by hand, or name another folder")
    asked = _Answers(dict(_pairs(given)), silent=yes)
    asked.mail_server(mx)
    for question in QUESTIONS:
        asked.ask(question)
    settings = config.load(None, asked.environment(folder, rules), "mailbot init")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SHIPPED_RULES, rules)
    file.write_text(written(settings, _HEAD, asked.known), encoding="utf-8")
    click.echo(_next(file, settings))


def _pairs(given: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or key.count(".") != 1:
            raise ConfigError(f"--set {text}: is not SECTION.KEY=VALUE; mend: write --set helpdesk.address=…")
        if key.split(".")[0] not in {section.name for section in fields(config.Settings)}:
            raise ConfigError(f"--set {text}: no such section; mend: take its name from docs/settings.md")
        yield key, value


@dataclass
class _Answers:
    """What is known so far: "section.key" → text."""

    known: dict[str, str]
    silent: bool
    topics: set[str] = field(default_factory=set)

    def ask(self, question: Question) -> None:
        """One question, unless it was answered or has nothing to do with the answers before it."""
        if question.key in self.known or (question.topic and question.topic not in self.topics):
            return
        default = self.known.get(question.like, question.default)
        answer = default if self.silent else click.prompt(question.text, default=default or None, type=str)
        self.known[question.key] = str(answer)

    def mail_server(self, mx: str | None) -> None:
        """The way in, and what the mail server in front makes of the settings of the sender."""
        way = next((way for way, key in WAYS.items() if key in self.known), None)
        if way is None:
            text = "How does mail come in? (lmtp: from your Postfix or Exim; imap: a mailbox; smtp: from everywhere)"
            way = "lmtp" if self.silent else click.prompt(text, default="lmtp", type=click.Choice(list(WAYS)))
        self.topics.add(str(way))
        if way == "smtp":
            return  # mailbot is the MX and checks SPF, DKIM and DMARC itself
        if mx is None and not any(key.startswith("authentication.") for key in self.known):
            text = "Which mail server takes the mail from outside? (docs/mx.md)"
            mx = "none" if self.silent else click.prompt(text, default="none", type=click.Choice(sorted(MX)))
        chosen = MX.get(mx or "", {})
        self.known = {**chosen, **self.known}
        if mx and "authentication.authserv_id" not in chosen and mx != "none":
            self.topics.add("mx")

    def environment(self, folder: Path, rules: Path) -> Mapping[str, str]:
        """As ``config.load`` takes it."""
        places = {
            "database.url": f"sqlite:///{folder / 'mailbot.db'}",
            "secret.key_file": str(folder / "mailbot.key"),
            "rules.directory": str(rules),
        }
        settings = {**places, **self.known}
        return {f"MAILBOT_{key.replace('.', '_').upper()}": value for key, value in settings.items()}


def _next(file: Path, settings: config.Settings) -> str:
    """What is to be done before the first start."""
    here = f"--config {file}"
    lines = [
        f"written: {file} and {file.parent / 'rules'}",
        "next, as the user that mailbot will run as:",
        f"  mailbot rules check {file.parent / 'rules'}",
        f"  mailbot accounts import FILE.csv {here}",
        f"  mailbot operators add NAME --role admin {here}",
        f"  mailbot doctor {here}",
        f"  mailbot run {here}",
    ]
    if settings.imap.password_file:
        lines.insert(2, f"  write the password of the mailbox into {settings.imap.password_file} (mode 0600)")
    return "\n".join(lines)
