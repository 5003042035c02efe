"""The schema of rules/procedures.yaml."""

from __future__ import annotations

from dataclasses import fields

from mailbot.model import Desk, Facts, MailKind, Outcome, State
from mailbot.ruleset import procedures
from mailbot.ruleset.floor import ELSEWHERE
from mailbot.ruleset.meanings import MAILS, OUTCOMES, STATES
from mailbot.ruleset.schema.parts import CATEGORY, NAME, Schema, entries, pick, several, text, whole, word
from mailbot.ruleset.vocabulary import OPEN


def file() -> Schema:
    """The schema of rules/procedures.yaml."""
    rules = several(
        "the rules, tried from top to bottom; the first that holds decides", _rule(), 1, procedures.MAX_RULES
    )
    return entries("what becomes of a mail", {"rules": rules})


def _rule() -> Schema:
    mails = [kind for kind in MailKind if kind not in ELSEWHERE]
    known = {
        "name": text("its name in every trace", pattern=NAME, maxLength=procedures.MAX_NAME),
        "title": text("what it is about, for people"),
        "when": _when(),
        "outcome": word("what becomes of the mail", OUTCOMES),
        "row": whole("row of the decision table", 1, 99),
        "category": {"type": "string", "pattern": f"{CATEGORY}|^$", "description": "a name of categories.yaml"},
        "desk": word("who looks at it", {desk: "" if desk else "nobody" for desk in Desk}),
        "mails": several("sent in this order", word("a mail", {kind: MAILS[kind] for kind in mails})),
        "state": word("state of the ticket", STATES),
        "shadow": {"type": "boolean", "description": "true: only watched and counted, decides nothing"},
    }
    rule = entries("a rule", pick(procedures.REQUIRED, known), pick(procedures.OPTIONAL, known))
    rule["allOf"] = [
        {"if": _has("outcome", procedures.KEEP_STATE), "else": {"required": ["state"]}},
        {
            "if": _has("state", procedures.WAITING),
            "then": {"required": ["desk"], "properties": {"desk": {"minLength": 1}}},
        },
        *(
            {"if": _has("outcome", (outcome,)), "then": {"properties": {"state": {"enum": list(states)}}}}
            for outcome, states in procedures.STATES.items()
        ),
    ]
    return rule


def _has(key: str, words: tuple[Outcome, ...] | tuple[State, ...]) -> Schema:
    return {"properties": {key: {"enum": list(words)}}, "required": [key]}


def _when() -> Schema:
    facts = {}
    for fact in fields(Facts):
        word: Schema = {"enum": list(fact.metadata["values"])}
        about = fact.metadata["doc"]
        if fact.name in OPEN:
            word = {"anyOf": [word, {"type": "string", "pattern": NAME, "maxLength": 40}]}
            about = f"{about}; own words: the names of {OPEN[fact.name]}"
        facts[fact.name] = {"description": about, "anyOf": [word, several("any one of these", word, 1)]}
    return entries("every fact named must hold; {} holds for every mail", {}, facts)
