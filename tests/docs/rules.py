"""Writes docs/rules.md from the code's own vocabulary: python -m tests.docs.rules > docs/rules.md"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from mailbot.mails.variables import KNOWN, VARIABLES
from mailbot.model import Desk, Facts, MailKind, Outcome, State
from mailbot.ruleset import schema, texts
from mailbot.ruleset.findings import CODES, Mistakes
from mailbot.ruleset.loader import FILES
from mailbot.ruleset.meanings import MAILS, OUTCOMES, STATES
from mailbot.ruleset.vocabulary import OPEN
from tests.support import ROOT

_MOST_KEYS = 11

_HEAD = """\
# Rules and texts of mails

`rules/` is what an administrator changes. `mailbot rules check` names every mistake with file, line, key and mend,
before the rules decide about anybody; `mailbot explain FILE --mails` shows what they would do to a mail, and changes
nothing. A running mailbot takes a change by itself. `python -m tests.docs.rules` writes this page; a test compares it.

| file | what is in it |
|---|---|
{files}
| `mails/*.txt.j2` | one template a mail: the first line is the subject, then comes the text |
| `mails/*.en.txt.j2` | the same for citizens who write in English (`en`), or in another language of `languages` |
| `languages/en.yaml` | the rest of that language: how it is recognised, dates, sentences, the pages of the activation |

## A rule

```yaml
- name: formal-defects          # its name in every trace
  row: 17                       # row of the decision table, if it is one
  title: Something is missing that can be seen in the mail itself
  when:                         # every fact must hold; of a list, any one word; a fact not named may be anything
    subject: EXACT
    defects: "yes"
  outcome: REJ_FORMAL
  state: ZAMKNIETE_NEGATYWNIE
  mails: [T1, T4]               # sent in this order; without the line nothing is sent
```

`category` may be given; without it a ticket keeps the category that the mail itself asks for. `state` may be left out
where a mail joins a ticket (DUPLICATE, TICKET_UPDATE, COMPLAINT_LATE): the ticket keeps its state. The last rule must
hold for every mail and give it to a person. A rule that an earlier one makes unreachable is a mistake.

The mails of a new ticket leave in their order, each after the one before it. Where a mail joins a ticket that is
there, each of its mails leaves by itself, and at most once a day. T6 names the last day of an answer, so it goes with
the state OCZEKUJE_NA_KLIENTA. A rule that says DUPLICATE of a mail that repeats nothing opens a ticket all the same.

`shadow: true` lets a rule watch only: it is tried and counted, decides nothing and takes no mail from the rules below.
The security floor judges it all the same, so that it can be switched on any day.

`topic` and `service` take words of the rule set's own: the names in `topics.yaml` and `services.yaml`.

**What no rule can do** ([security.md](security.md)): answer a mail that is forged or automatic, or one
that is unreadable, but for the registration of a `REVIEW` (T1 alone) to a proven sender; answer a sender over the last
limit but with T18; send an activation link unless the rule itself demands every condition of case A or of case B; open
or change a ticket that is not the sender's; answer a question that was not surely asked; write to anybody but the
sender or the login; delete anything. `rules check` refuses such a rule, and the program checks each decision once more.

## Checking

`mailbot rules check` prints `file:line:column: key: what is wrong; mend: what to write`. An error (exit code 1) keeps
the rule set from being used. A warning says that something has no effect; with `--strict` it fails as well. `--notes`
prints what is worth a look: two rules that want different ends for the same mail, words that nothing uses.
`--format json` prints one object a line, `--format sarif` one SARIF 2.1.0 document for code review. Editors that know
the YAML language server complete keys and words from `rules/schema/`; `mailbot rules schema --write` writes it anew
for an older or newer mailbot.
"""


def page() -> str:
    """The whole page, Markdown."""
    files = "\n".join(f"| `{file}` | {schema.of(file)['description']} |" for file in FILES)
    head = _HEAD.replace("{files}", files)
    parts = (head, _facts(), _words(), _keys(), _mails(), _variables(), _codes())
    return "\n".join(parts)


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join([f"{title}\n", *(f"| {' | '.join(line)} |" for line in lines), ""]).replace("| --- ", "|---")


def _facts() -> str:
    def row(name: str, meaning: str, values: Iterable[str]) -> tuple[str, ...]:
        own = f", the names in `{OPEN[name]}`" if name in OPEN else ""
        return f"`{name}`", meaning, ", ".join(f"`{word}`" for word in values) + own

    rows = [row(f.name, f.metadata["doc"], f.metadata["values"]) for f in fields(Facts)]
    return _table("## Facts", ("fact", "question", "words"), rows)


def _words() -> str:
    outcomes = _table("## Outcomes", ("outcome", "meaning"), ((f"`{o}`", OUTCOMES[o]) for o in Outcome))
    states = _table("## States", ("state", "meaning"), ((f"`{s}`", STATES[s]) for s in State))
    desks = ", ".join(f"`{desk}`" for desk in Desk if desk)
    return f"{outcomes}\n{states}\n`desk` says who looks at a ticket: {desks}; without the line nobody.\n"


def _keys() -> str:
    parts = ["## Keys of the files\n"]
    for file in FILES:
        rows = list(_roads(schema.of(file), ""))
        if rows:
            parts.append(_table(f"### {file}", ("key", "meaning", ""), rows))
    return "\n".join(parts)


def _roads(found: dict[str, Any], road: str) -> Iterator[tuple[str, ...]]:
    """Each key below a schema: its road, its meaning, and whether it must be there."""
    if found.get("type") == "array":
        yield from _roads(found["items"], road)
    properties = found.get("properties", {})
    if len(properties) > _MOST_KEYS:  # defects, differences, facts: told elsewhere
        properties = {}
    for key, inner in properties.items():
        needed = "" if key in found["required"] else "may be left out"
        yield f"`{road}{key}`", inner.get("description", "one of its words"), needed
        yield from _roads(inner, f"{road}{key}.")
    if isinstance(found.get("additionalProperties"), dict):
        yield from _roads(found["additionalProperties"], f"{road}…")


def _polish_first(code: str) -> tuple[bool, str]:
    return code != texts.POLISH, code


def _mails() -> str:
    written = texts.read_templates(ROOT / "rules", Mistakes())
    rows = []
    for kind in MailKind:
        if not kind.own:
            codes = (code for code in sorted(written, key=_polish_first) if kind in written[code])
            rows.append((kind.value, MAILS[kind], ", ".join(codes)))
    rows.append(("W1…W9", MAILS[MailKind.W1], "—"))
    return _table("## Mails", ("mail", "what it is", "templates shipped"), rows)


def _variables() -> str:
    def mails(name: str) -> str:
        return ", ".join(kind.value for kind, known in KNOWN.items() if name in known)

    rows = ((f"`{{{{ {name} }}}}`", variable.doc, mails(name)) for name, variable in VARIABLES.items())
    return _table("## Variables of the mails", ("variable", "meaning", "mails"), rows)


def _codes() -> str:
    rows = ((f"`{code}`", about) for code, about in CODES.items())
    return _table("## Codes of findings", ("code", "what it is about"), rows).rstrip()


if __name__ == "__main__":
    print(page())
