"""The admins' templates, compiled once. Nothing they say can reach beyond the variables they are given.

A template is text, variables and conditions: ``forbidden`` finds everything else jinja2 knows. Without loops, calls and
arithmetic a mail is never longer than its template filled in, and ready at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailbot.errors import TemplateError
from mailbot.model import MailKind
from mailbot.ruleset.model import Ruleset

TITLE = "Temat: "
"""How the first line of a template begins, in every language; the rest of it is the subject."""

ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # templates are plain text; the HTML part is escaped when it is made from the text
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

_MAX_INDENT = 8
_MAX_DEPTH = 4
_ALLOWED = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


def forbidden(tree: nodes.Node, depth: int = 0) -> Iterator[tuple[int, str]]:
    """(line, what) of everything that no mail needs: all but text, {{ variable }}, {% if %} and the filter indent."""
    for node in tree.iter_child_nodes():
        inside = depth + isinstance(node, nodes.If)
        if what := _odd(node, inside):
            yield node.lineno, what
        else:
            yield from forbidden(node, inside)


def _odd(node: nodes.Node, depth: int) -> str:
    if isinstance(node, nodes.Filter):
        return "" if node.name == "indent" and _is_small(node) else f'the filter "{node.name}" as it stands here'
    if not isinstance(node, _ALLOWED):
        return f'"{type(node).__name__.lower()}"'
    return "a condition so deep inside others" if depth > _MAX_DEPTH else ""


def _is_small(node: nodes.Filter) -> bool:
    values = [argument.value if isinstance(argument, nodes.Const) else None for argument in node.args]
    plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
    return plain and all(isinstance(value, int) and 0 <= value <= _MAX_INDENT for value in values)


@lru_cache(maxsize=256)
def _compiled(source: str) -> jinja2.Template:
    """Two rule sets, the proofreader's and the writer's copy share what did not change."""
    return ENVIRONMENT.from_string(source)


@lru_cache(maxsize=256)
def _compared(source: str) -> frozenset[str]:
    """The variables that stand in a comparison."""
    comparisons = ENVIRONMENT.parse(source).find_all(nodes.Compare)
    return frozenset(name.name for comparison in comparisons for name in comparison.find_all(nodes.Name))


class Templates:
    """The compiled templates of one rule set."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Raises jinja2.TemplateSyntaxError; ``proof.mistakes`` tells such mistakes with their place."""
        sources = {"pl": ruleset.templates, **ruleset.translations}
        self._sources = sources
        self._compiled = {
            language: {kind: _compiled(t.source) for kind, t in templates.items()}
            for language, templates in sources.items()
        }

    def language(self, kind: MailKind, wanted: str) -> str:
        """``wanted`` where the mail has a template in that language, else Polish."""
        return wanted if kind in self._compiled.get(wanted, {}) else "pl"

    def compares(self, kind: MailKind, language: str, name: str) -> bool:
        """Whether the mail asks of a variable more than whether it is empty."""
        return name in _compared(self._sources[language][kind].source)

    def render(self, kind: MailKind, language: str, variables: Mapping[str, str]) -> tuple[str, str]:
        """Subject and body, not folded yet, ended by \\n. Raises TemplateError."""
        if kind not in self._compiled[language]:
            raise TemplateError(f"there is no template for {kind} in rules/mails")
        try:
            text = self._compiled[language][kind].render(variables)
        except Exception as error:  # a template is a small program: it can fail in every way
            raise TemplateError(f"{kind}: {type(error).__name__}: {error}") from error
        title, _, body = text.partition("\n")
        return title.removeprefix(TITLE).strip(), body.strip("\n") + "\n"
