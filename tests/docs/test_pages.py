"""What the pages point at and tell people to type is there: links, anchors, commands with their options, settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from mailbot.cli import cli
from mailbot.config import Settings
from tests.support import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "fixtures" / "README.md"]
DEPLOYED = sorted(path for path in ROOT.glob("deploy/**/*") if path.is_file() and path.suffix != ".pyc")
SHOWN = [*PAGES, ROOT / "docker-compose.yml", *DEPLOYED]
"""The pages, and files whose comments tell somebody what to type."""
ABOUT_SETTINGS = [ROOT / "docs" / f"{name}.md" for name in ("api", "mx", "operating", "security", "trust")]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BEFORE = (r"eval \"\$\(", r"runuser -u mailbot -- ", r"(?:docker )?compose exec \w+ ", "ExecStart=", r"\S*bin/")
TYPED = re.compile(rf"^(?:{'|'.join(BEFORE)})*mailbot (?=[a-z-])(.*)$")
ALARM = re.compile(r"(?<=summary: ).*: mailbot ([a-z]+(?: [a-z]+)?(?: --[a-z]+)?)[\",]")
SETTINGS = {
    section.name: {key.name for key in fields(getattr(Settings(), section.name))} for section in fields(Settings)
}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


CODE = sorted((ROOT / "mailbot").rglob("*.py"))
WRITTEN = "".join(file.read_text(encoding="utf-8") for file in CODE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


# ----------------------------------------------------------------------------------------------------- links


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them: small letters, no punctuation, dashes for blanks, -1 for the second."""
    found: list[str] = []
    for title in re.findall(r"^#+ +(.+?) *$", FENCE.sub("", text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def dead(page: Path, text: str) -> list[str]:
    """Links of ``text``, standing in ``page``, that lead nowhere."""
    said = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", FENCE.sub("", text)))
    lost = []
    for link in said:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(text_of(target) if path else text)):
            lost.append(link)
    return lost


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_link_is_dead(page: Path) -> None:
    assert dead(page, text_of(page)) == []


def test_a_dead_link_is_found() -> None:
    text = (
        "# One: *two*\n[a](#one-two) [b](#two) [c](docs/nothing.txt) [d](docs/flow.md#layers) [e](docs/flow.md#nothing)"
    )
    assert dead(ROOT / "README.md", text) == ["#two", "docs/nothing.txt", "docs/flow.md#nothing"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_section_of_another_page_is_called_by_its_name(page: Path) -> None:
    """ "([operating.md](operating.md), *Restore*)": where the page has such a heading, or words in bold."""
    lost = []
    for link, title in re.findall(r"\]\(([\w./]+\.md)\),\s+\*([^*]+)\*", text_of(page)):
        there = " ".join(text_of((page.parent / link).resolve()).split())
        called = " ".join(title.split())
        if not re.search(rf"(?:#+ |\*\*){re.escape(called)}", there):
            lost.append((link, called))
    assert lost == []


# -------------------------------------------------------------------------------------------------- commands


def commands(text: str) -> Iterator[str]:
    """What follows "mailbot" on each line of a block, in each piece of code, behind a container's name, in an alarm."""
    blocks = [line for kind, block in FENCE.findall(text) if kind in ("", "sh") for line in block.splitlines()]
    pieces = [" ".join(piece.split()) for piece in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
    called = re.findall(r"ExecStart=.*|compose exec \w+ mailbot [^`\n]+", text)
    called += [f"mailbot {command}" for command in ALARM.findall(text)]
    for line in (*blocks, *pieces, *called):
        bare = re.split(r" +#|\s+\|\s|\s+>|\s+&&|\)\"", line.strip())[0]
        if found := TYPED.match(bare):
            yield found[1].strip()


COMMANDS = sorted({(name_of(page), command) for page in SHOWN for command in commands(text_of(page))})


class Unknown(Exception):
    """A word that no command has."""


def parse(command: str) -> None:
    """Follow the words down the tree, each with the options before it; what the reader must fill in may be missing.

    Raises Unknown for a command, and click's errors for an option, a choice, or an argument too much.
    """
    words = shlex.split(command.replace("…", "").replace("...", ""))
    context = click.Context(cli, info_name="mailbot")
    with ExitStack() as stack:
        while isinstance(context.command, click.Group) and words:
            name, *words = words
            below = context.command.get_command(context, name)
            if below is None:
                raise Unknown(f"{context.command_path} {name}")
            group = isinstance(below, click.Group)
            context = stack.enter_context(click.Context(below, parent=context, info_name=name))
            if not group:
                check(below, context, words)


def check(command: click.Command, context: click.Context, words: list[str]) -> None:
    """Options and their choices by click itself; of the arguments only how many there may be."""
    parser = command.make_parser(context)
    lenient = [word for word in words if word]
    try:
        given, rest, _ = parser.parse_args(args=lenient)
    except click.BadOptionUsage as error:
        if "requires an argument" not in error.message:  # "--reason …"
            raise
        return
    if rest:
        raise Unknown(f"{context.command_path}: one too many: {rest}")
    for parameter in command.params:
        value = given.get(parameter.name or "")
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(parameter.type, click.Choice) and isinstance(one, str) and not is_placeholder(one):
                parameter.type.convert(one, parameter, context)


def is_placeholder(word: str) -> bool:
    """DIR, SUB, KIND: what the reader puts there himself."""
    return word.isupper() and word.isalpha() and len(word) > 2


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command}" for page, command in COMMANDS])
def test_every_command_shown_is_understood(page: str, command: str) -> None:
    parse(command)


def test_commands_are_found_on_the_pages() -> None:
    told = dict.fromkeys(command for _, command in COMMANDS)
    assert len(told) > 100
    assert {
        "run",
        "operators add anna --role consultant",
        "completion bash",
        "rules test --rules trial",
    } <= told.keys()


@pytest.mark.parametrize(
    "command",
    ["tickets lst", "nothing", "doctor --confg x", "run --role postman", "tickets show 1 2", "queue show 17 --raw x y"],
)
def test_what_is_wrong_is_found(command: str) -> None:
    with pytest.raises((Unknown, click.UsageError)):
        parse(command)


def below(group: click.Group) -> dict[str, click.Command]:
    """The commands of a group by name."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


GROUPS = {name: below(group) for name, group in below(cli).items() if isinstance(group, click.Group)}


def test_every_command_that_a_message_or_a_help_text_names_exists() -> None:
    """ "mend: mailbot trust update": of those in groups, which alone can be told from a sentence."""
    named = set(re.findall(rf"mailbot ({'|'.join(GROUPS)}) ([a-z][a-z-]+)", WRITTEN))
    assert len(named) > 10
    assert {(group, command) for group, command in named if command not in GROUPS[group]} == set()


# -------------------------------------------------------------------------------------------------- settings


def settings_named(text: str) -> set[tuple[str, str]]:
    """ "[imap] host", "[imap] host = …"."""
    return set(re.findall(r"`\[([a-z_]+)\] ([a-z_]+)", text))


def dotted(text: str) -> set[tuple[str, str]]:
    """ "`imap.poll_seconds`" on pages about settings; "signatures.yaml" is a file."""
    found = re.findall(rf"`({'|'.join(SETTINGS)})\.([a-z_]+)`", text)
    return {(section, key) for section, key in found if key not in ("yaml", "py")}


def unknown(named: set[tuple[str, str]]) -> list[str]:
    return sorted(f"[{section}] {key}" for section, key in named if key not in SETTINGS.get(section, set()))


@pytest.mark.parametrize("page", SHOWN, ids=name_of)
def test_every_setting_named_exists(page: Path) -> None:
    assert unknown(settings_named(text_of(page))) == []


@pytest.mark.parametrize("page", ABOUT_SETTINGS, ids=name_of)
def test_every_setting_named_with_a_dot_exists(page: Path) -> None:
    assert unknown(dotted(text_of(page))) == []


def test_a_setting_that_does_not_exist_is_found() -> None:
    text = "`[imap] hst = 1`, `imap.hots`, `imap.host`, `[imap] host`, `nothing.here`, `rules.yaml`"
    assert unknown(settings_named(text) | dotted(text)) == ["[imap] hots", "[imap] hst"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_of_the_environment_named_is_a_setting(page: Path) -> None:
    known = {f"MAILBOT_{section}_{key}".upper() for section, keys in SETTINGS.items() for key in keys}
    files = [*CODE, *(ROOT / "tests").rglob("*.py"), ROOT / ".ci" / "run"]
    tests = set(re.findall(r"MAILBOT_[A-Z_]+", "".join(text_of(file) for file in files if file != Path(__file__))))
    assert set(re.findall(r"`(MAILBOT_[A-Z_]*[A-Z])\b", text_of(page))) - known - tests == set()


# ------------------------------------------------------------------------------------------- events of the log


def is_logged(event: str) -> bool:
    """As a string of its own, or as f"mail-{what}" with the rest as a string."""
    starts = [event[: cut + 1] for cut, letter in enumerate(event) if letter == "-"]
    return f'"{event}"' in WRITTEN or any(
        f'f"{start}{{' in WRITTEN and f'"{event.removeprefix(start)}"' in WRITTEN for start in starts
    )


@pytest.mark.parametrize("page", [ROOT / "docs" / "operating.md"], ids=name_of)
def test_every_event_of_the_log_that_is_named_is_logged(page: Path) -> None:
    """ "`imap-no-claim` is logged", "the log says `rules-taken`", "log: `rules-differ`", "(`task-ended`)"."""
    said = " ".join(text_of(page).split())
    named: set[Any] = set(re.findall(r"[Ll]og(?: says)?:? (?:`[a-z-]+` or )?`([a-z]+(?:-[a-z]+)+)`", said))
    named |= set(re.findall(r"`([a-z]+(?:-[a-z]+)+)` (?:in the log|is logged)", said))
    assert named
    assert {event for event in named if not is_logged(event)} == set()
    assert not is_logged("mail-nowhere")


# ---------------------------------------------------------------------------------------------------- modules


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_that_is_to_be_started_exists(page: Path) -> None:
    told = re.findall(r"python3? -m ((?:tests|mailbot)[\w.]*)", text_of(page))
    places = [ROOT.joinpath(*name.split(".")) for name in told]
    assert [str(p) for p in places if not p.with_suffix(".py").is_file() and not (p / "__main__.py").is_file()] == []


# ---------------------------------------------------------------------------------------------------- readers

README = text_of(ROOT / "README.md")


def test_the_readme_is_a_page_and_begins_with_the_two_commands() -> None:
    assert len(README.splitlines()) <= 120
    assert re.findall(r"^make \w+", README.split("```")[1], re.MULTILINE) == ["make demo", "make test"]


def test_each_reader_has_a_page_of_his_own() -> None:
    table = README.split("| you are | read |")[1].split("\n\n")[0]
    first = [re.findall(r"\]\(([^)]+)\)", row)[0] for row in table.strip().splitlines()[1:]]
    assert first == ["docs/urzad.md", "docs/operator.md", "docs/admin.md", "docs/operating.md", "CONTRIBUTING.md"]


def test_every_page_is_told_in_the_readme() -> None:
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} - set(re.findall(r"\]\(([^)]+)\)", README)) == set()


OFFICE = " ".join(text_of(ROOT / "docs" / "urzad.md").split())


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (r"w ciągu (\d+) godzin", Settings().tickets.promise_hours),
        (r"działa (\d+) godzin", Settings().activation.lifetime_hours),
        (r"czeka (\d+) godziny", Settings().case_b.hold_hours),
        (r"starsze niż (\d+) dni", Settings().intake.oldest_days),
        (r"po (\d+) minutach bez ruchu", Settings().console.idle_minutes),
    ],
)
def test_the_page_of_the_office_tells_the_numbers_of_the_settings(said: str, value: float) -> None:
    assert [float(number) for number in re.findall(said, OFFICE)] == [value]
