"""``mailbot notices``: breaks of a service, told to citizens (seed 001, KOMUNIKATY)."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from mailbot.cli import options
from mailbot.cli.later import Group
from mailbot.clocks import WARSAW
from mailbot.observe import utc_now
from mailbot.ruleset import loader
from mailbot.ruleset.document import YamlDocument, hint
from mailbot.ruleset.findings import Level, Mistakes
from mailbot.ruleset.model import PUBLISHED, Notice, Window
from mailbot.ruleset.notices import WITHDRAWN, with_state
from mailbot.service import places

_FILE = "notices.yaml"


@click.group(cls=Group)
def notices() -> None:
    """Breaks of a service: list them, publish one, withdraw one."""


@notices.command("list")
@click.option("--at", type=options.Moment(), help="In force at this moment; default now.")
@options.config
@options.as_json
def list_(at: datetime | None, config_file: Path | None, as_json: bool) -> None:
    """List the notices in the order of the file, with their windows and whether one of these is open."""
    ruleset = loader.load(_rules(config_file))
    in_force = ruleset.breaks_at(at or utc_now())
    for notice in ruleset.notices:
        if as_json:
            options.line(_told(notice, notice in in_force))
        else:
            now = "now" if notice in in_force else ""
            click.echo(f"{notice.name:20}  {notice.state:9}  {now:3}  {'; '.join(map(_shown, notice.windows))}")


@notices.command()
@click.argument("name")
@click.option("--tell", is_flag=True, help="Also write to everybody who has an open ticket, once (T12).")
@options.config
def publish(name: str, tell: bool, config_file: Path | None) -> None:
    """Make the notice NAME count: registrations during its windows name it, clocks of a wniosek stand still."""
    directory = _rules(config_file)
    _set_state(directory, name, PUBLISHED)
    if tell:
        notice = next(n for n in loader.load(directory).notices if n.name == name)
        click.echo(f"{name}: {_tell(notice, config_file)} mails written")


@notices.command()
@click.argument("name")
@options.config
def withdraw(name: str, config_file: Path | None) -> None:
    """Make the notice NAME count no longer; it stays in the file."""
    _set_state(_rules(config_file), name, WITHDRAWN)


def _rules(config_file: Path | None) -> Path:
    return places.rules_directory(places.settings(config_file).rules.directory)


def _told(notice: Notice, in_force: bool) -> dict[str, object]:
    windows = [{"start": w.start.astimezone(WARSAW), "end": w.end.astimezone(WARSAW)} for w in notice.windows]
    return {
        "name": notice.name,
        "state": notice.state,
        "in_force": in_force,
        "published": notice.published.isoformat(),
        "system": notice.system,
        "title": notice.title,
        "windows": windows,
        "source": notice.source,
    }


def _shown(window: Window) -> str:
    start, end = window.start.astimezone(WARSAW), window.end.astimezone(WARSAW)
    until = "" if start.date() == end.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M}–{until}{end:%H:%M}"


def _set_state(directory: Path, name: str, state: str) -> None:
    """Change the word in the file, or say why nothing was changed."""
    path = (directory / _FILE).resolve()
    document = YamlDocument(path, Mistakes())
    text = with_state(document, name, state)
    if text is None or document.text is None:
        known = [notice.name for notice in loader.load(directory).notices]
        raise click.ClickException(
            f"{name}: no such notice in {path}; mend: {hint(name, known) if known else 'add it'}"
        )
    if text == document.text:
        click.echo(f"{name}: is {state} already")
        return
    mistakes = _mistakes(directory, text)
    if mistakes:
        raise click.ClickException("\n".join([f"{name}: stays as it is, the rules would not be taken:", *mistakes]))
    if path.read_bytes() != document.text.encode():
        raise click.ClickException(f"{path}: was changed by somebody else just now; mend: try again")
    _replace(path, text)
    click.echo(f"{name}: {state}")


def _mistakes(directory: Path, text: str) -> list[str]:
    """The errors of the rule set in ``directory`` if its notices were ``text``; nothing there is touched."""
    from mailbot.mails import proof  # not for --help

    with tempfile.TemporaryDirectory() as parent:
        copy = Path(parent, "rules")
        shutil.copytree(directory, copy)
        (copy / _FILE).unlink()  # it may be a link
        (copy / _FILE).write_bytes(text.encode())
        found = [finding for finding in proof.check(copy) if finding.level is Level.ERROR]
    return [str(replace(finding, file=finding.file.replace(str(copy), str(directory)))) for finding in found]


def _replace(path: Path, text: str) -> None:
    """Whoever reads the file sees the old text or the new one, also after a loss of power."""
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            shutil.copymode(path, file.name)
            os.replace(file.name, path)  # noqa: PTH105 (a name, not a path, is at hand)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _tell(notice: Notice, config_file: Path | None) -> int:
    """Write T12 to everybody who has an open ticket and was not told yet; returns how many."""
    from mailbot.installation import agree
    from mailbot.service import compose
    from mailbot.tickets import breaker
    from mailbot.tickets.notice import NoticeWriter

    now = utc_now()
    if all(window.end <= now for window in notice.windows):
        raise click.ClickException(f"{notice.name}: every window is over, there is nobody to tell")
    settings = places.settings(config_file)
    parts = compose.build(settings)
    teller = NoticeWriter(
        parts.pipeline.writer, parts.secret, settings.helpdesk.address, settings.helpdesk.verp_separator
    )
    engine = parts.database.engine
    told = 0
    while True:
        with engine.begin() as connection:  # a batch each: mails come in meanwhile
            agree(connection, parts.secret)
            written = teller.tell_break(connection, notice, now, breaker.pace(settings.breaker), told)
        if not written:
            return told
        told += written
