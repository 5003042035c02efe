"""``mailbot rules test`` and ``case``: an office's own golden cases, decided by the real flow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailbot.cli import options
from mailbot.errors import ConfigError
from mailbot.model import AuthResult

if TYPE_CHECKING:
    from mailbot.trial.cases import Mismatch
    from mailbot.trial.golden import CaseResult

_FOLDER = "cases"
_SUGGESTED = ("subject_class", "rule", "outcome", "defects", "category", "state", "mails")
_rules = click.option("--rules", "rules_dir", type=click.Path(path_type=Path, file_okay=False), help="The rule set.")
_authserv = click.option("--authserv-id", help="Whose Authentication-Results count; default from the settings.")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@_rules
@_authserv
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the results there as JUnit XML.")
@options.config
@options.as_json
def test(
    folders: tuple[Path, ...],
    rules_dir: Path | None,
    authserv_id: str | None,
    junit: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Decide the cases of FOLDERS and tell which are not as they should be. Default: the folder cases of the rule set.

    A case is a mail NAME.eml with NAME.yaml beside it (expect: any keys of mailbot explain --json; says and not: texts
    that must or must not stand in the mails) and, where something came before, NAME.state.yaml. accounts.yaml, dns.yaml
    and trust/ are taken from its folder or the nearest one above. Exit code 1 when a case fails.
    """
    import asyncio  # and what decides: not for --help

    from mailbot.service import compose
    from mailbot.trial import cases, golden
    from mailbot.trial.simulator import chosen

    settings = chosen(compose.settings(config_file), rules_dir, None, authserv_id)
    wanted = folders or (compose.rules_directory(settings.rules.directory) / _FOLDER,)
    results: list[CaseResult] = []
    for folder in wanted:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder; mend: put cases there, or name their folder")
        results += asyncio.run(golden.decided(settings, folder))
        for mail in cases.untold(folder):
            click.echo(f"{mail}: not tried, it has no {mail.stem}.yaml; mend: mailbot rules case writes one", err=True)
    failed = [result for result in results if result.wrong]
    for result in results if as_json else failed:
        options.line(result.as_json()) if as_json else _print(result)
    counts = {"cases": len(results), "passed": len(results) - len(failed), "failed": len(failed)}
    if as_json:
        options.line({"summary": counts})
    else:
        click.echo("{cases} cases, {passed} passed, {failed} failed".format(**counts))
    if junit:
        _write_junit(junit, results)
    raise SystemExit(1 if failed or not results else 0)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_rules
@_authserv
@click.option(
    "--authentication",
    type=click.Choice([result.value for result in AuthResult]),
    help="Take the sender as so far proven.",
)
@click.option("--received", type=options.Moment(), help="Arrival; default: as the mail's own headers say.")
@options.config
def case(
    file: Path,
    rules_dir: Path | None,
    authserv_id: str | None,
    authentication: str | None,
    received: datetime | None,
    config_file: Path | None,
) -> None:
    """Print a case for the mail FILE with what becomes of it today: check it, then keep it as NAME.yaml."""
    import asyncio

    import yaml

    from mailbot.model import Envelope, Source
    from mailbot.service import compose
    from mailbot.trial import golden
    from mailbot.trial.cases import Case
    from mailbot.trial.simulator import chosen

    settings = chosen(compose.settings(config_file), rules_dir, None, authserv_id)
    vouched = AuthResult(authentication) if authentication else None
    envelope = Envelope(Source.LMTP, None, (settings.helpdesk.address,), "127.0.0.1")
    asked = Case(file, "", envelope, vouched, received, None, {}, (), ())
    came = asyncio.run(golden.today(settings, asked))
    written: dict[str, Any] = {"why": "?"}
    written |= {"authentication": authentication} if authentication else {}
    written |= {"received": received.isoformat()} if received else {}
    written["expect"] = {key: came[key] for key in _SUGGESTED if came[key] or key != "defects"}
    click.echo(yaml.safe_dump(written, allow_unicode=True, sort_keys=False, default_flow_style=None), nl=False)


def _print(result: CaseResult) -> None:
    click.secho(f"FAILED {result.case.mail}", bold=True)
    if result.case.why:
        click.echo(f"  {result.case.why}")
    for one in result.wrong:
        click.echo(f"  {_sentence(one)}")
    click.echo(f"  decided by {result.rule}: {result.title}")


def _sentence(one: Mismatch) -> str:
    if one.key == "says":
        return f"says: no mail says “{one.wanted}”"
    if one.key == "not":
        return f"not: a mail says “{one.wanted}”"
    return f"{one.key}: expected {_words(one.wanted)}, came {_words(one.came)}"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_words(word)}" for key, word in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_words, value))}]"
    return "nothing" if value in (None, "") else str(value)


def _write_junit(file: Path, results: Sequence[CaseResult]) -> None:
    from xml.etree import ElementTree as ET

    failures = str(sum(bool(result.wrong) for result in results))
    suite = ET.Element("testsuite", name="mailbot rules test", tests=str(len(results)), failures=failures)
    for result in results:
        mail = result.case.mail
        told = {"classname": str(mail.parent), "name": mail.stem, "time": f"{result.seconds:.6f}"}
        node = ET.SubElement(suite, "testcase", told)
        if result.wrong:
            failure = ET.SubElement(node, "failure", message=f"decided by {result.rule}")
            failure.text = "\n".join(map(_sentence, result.wrong))
    ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
