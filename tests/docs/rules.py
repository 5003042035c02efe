"""Writes docs/rules.md from the code's own vocabulary: python -m tests.docs.rules > docs/rules.md"""

from __future__ import annotations

from dataclasses import fields

from mailbot.mails.context import KNOWN, VARIABLES
from mailbot.model import Facts, Outcome, State
from mailbot.ruleset.loader import FILES
from mailbot.ruleset.vocabulary import DESKS

_HEAD = """\
# Rules and texts of mails

`rules/` is what an administrator changes. `mailbot rules check` names every mistake with file, line, key and mend,
before the rules decide about anybody; `mailbot explain FILE --mails` shows what they would do to a mail, and changes
nothing. mailbot reads the folder at its start. `python -m tests.docs.rules` writes this page; a test compares it.

| file | what is in it |
|---|---|
| `procedures.yaml` | the rules, tried from top to bottom; the first that holds decides |
| `defects.yaml` | the sentence for each formal defect, told to the citizen all at once |
| `differences.yaml` | how a subject that is nearly right differs from the required one |
| `categories.yaml` | what a ticket is about, in the words of the registration mail |
| `contacts.yaml` | the only telephones, addresses and links that a mail may name |
| `signatures.yaml` | which electronic signatures under an application count |
| `mails/*.txt.j2` | one template a mail: the first line is the subject, then comes the text |

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

`category` may be given; without it a ticket keeps the category that the mail itself asks for. The last rule must hold
for every mail and give it to a person. A rule that an earlier one makes unreachable is a mistake.

**What no rule can do** ([security.md](security.md)): answer a mail that is forged, automatic or unreadable; send an
activation link unless the rule itself demands every condition of case A or of case B; write to anybody but the
sender or the login; delete anything. `rules check` refuses such a rule, and the program checks each decision once more.
"""


def page() -> str:
    """The whole page, Markdown."""
    return f"{_HEAD}\n{_facts()}\n{_words()}\n{_mails()}"


def _facts() -> str:
    rows = ["## Facts\n", "| fact | question | words |", "|---|---|---|"]
    for f in fields(Facts):
        words = ", ".join(f"`{word}`" for word in f.metadata["values"])
        rows.append(f"| `{f.name}` | {f.metadata['doc']} | {words} |")
    return "\n".join([*rows, ""])


def _words() -> str:
    desks = [desk for desk in DESKS if desk]
    return "\n".join(
        [
            "## Words of an answer\n",
            f"- `outcome`: {', '.join(f'`{o.value}`' for o in Outcome)}",
            f"- `state`: {', '.join(f'`{s.value}`' for s in State)}",
            f"- `desk` (who looks at it; without the line nobody): {', '.join(f'`{d}`' for d in desks)}",
            f"- files of a rule set, and no others: {', '.join(f'`{name}`' for name in FILES)} and `mails/`",
            "",
        ]
    )


def _mails() -> str:
    rows = ["## Variables of the mails\n", "| variable | meaning | mails |", "|---|---|---|"]
    for name, variable in VARIABLES.items():
        used = ", ".join(kind.value for kind, known in KNOWN.items() if name in known)
        rows.append(f"| `{{{{ {name} }}}}` | {variable.doc} | {used} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(page())
