"""One meaning a name: a public class, or an alias of a type, is the only one in mailbot that is called so."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from tests.support import ROOT

SHARED = {
    "Certificate": "of X.509 in CMS, and SigningCertificate of XAdES: either as its standard says it",
    "File": "one that goes with a mail, as docs/openapi.json calls it; elsewhere name and bytes, twice the same alias",
    "Files": "name to bytes: the same alias in ASiC and in XAdES",
    "Role": "of an operator, of an address in an application, of a trust anchor: each package knows one",
    "State": "of a ticket; in application.check short for ApplicationState",
    "Step": "of a saying that rules write, and of a refresh of trusted lists: each package knows one",
    "Words": "an answer's, as docs/openapi.json calls them; a set of words in rules; what CRLs and OCSP say",
}
"""Name → why it may stand for several."""


def test_one_meaning_a_name() -> None:
    found = Counter(
        name
        for file in (ROOT / "mailbot").rglob("*.py")
        for name in types(ast.parse(file.read_text(encoding="utf-8")))
        if not name.startswith("_")
    )
    assert {name for name, times in found.items() if times > 1} == SHARED.keys(), "mend: say what yours holds"


def types(module: ast.Module) -> Iterator[str]:
    """The classes of a module and its aliases of types, which are in CamelCase as PEP 8 has it."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id[0].isupper() and not target.id.isupper():
                    yield target.id
