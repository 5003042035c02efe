"""JSON Schema (draft 2020-12) of the files of a rule set, made from what their readers know.

For editors: they complete keys and words, show what each means and mark what cannot stand there. They read YAML 1.2, in
which yes and no are words. `mailbot rules check` knows more, and decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from mailbot.ruleset.schema import desk, rules, texts
from mailbot.ruleset.schema.parts import Schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FILES: Mapping[str, Callable[[], Schema]] = {
    "applications.yaml": texts.applications_file,
    "calendar.yaml": desk.calendar_file,
    "categories.yaml": texts.categories_file,
    "contacts.yaml": texts.contacts_file,
    "defects.yaml": texts.defects_file,
    "differences.yaml": texts.differences_file,
    "faq.yaml": texts.faq_file,
    "limits.yaml": desk.limits_file,
    "notices.yaml": desk.notices_file,
    "procedures.yaml": rules.file,
    "retention.yaml": desk.retention_file,
    "services.yaml": desk.services_file,
    "signatures.yaml": desk.signatures_file,
    "topics.yaml": texts.topics_file,
}


def of(file: str) -> Schema:
    """The schema of one file, a name of ``loader.FILES``."""
    return {"$schema": _DIALECT, "title": f"rules/{file} of mailbot", **_FILES[file]()}


def everything() -> Schema:
    """One document with a definition for every file."""
    definitions = {file: make() for file, make in _FILES.items()}
    return {"$schema": _DIALECT, "title": "the rule set of mailbot", "$defs": definitions}


def file_name(file: str) -> str:
    """Name in rules/schema of the schema of ``file``."""
    return file.removesuffix(".yaml") + ".json"


def written(schema: Schema) -> str:
    """The schema as the text of a file."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
