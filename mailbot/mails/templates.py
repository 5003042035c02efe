"""The admins' templates, compiled once. Nothing they say can reach beyond the variables they are given."""

from __future__ import annotations

from collections.abc import Mapping

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailbot.errors import TemplateError
from mailbot.model import MailKind
from mailbot.ruleset.model import Ruleset

TITLE = "Temat: "
"""How the first line of a template begins; the rest of it is the subject."""

ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # templates are plain text; the HTML part is escaped when it is made from the text
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class Templates:
    """The compiled templates of one rule set."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Raises jinja2.TemplateSyntaxError; ``proof.mistakes`` tells such mistakes with their place."""
        self._compiled = {kind: ENVIRONMENT.from_string(t.source) for kind, t in ruleset.templates.items()}

    def render(self, kind: MailKind, variables: Mapping[str, str]) -> tuple[str, str]:
        """Subject and body, not folded yet, ended by \\n. Raises TemplateError."""
        if kind not in self._compiled:
            raise TemplateError(f"there is no template for {kind} in rules/mails")
        try:
            text = self._compiled[kind].render(variables)
        except Exception as error:  # a template is a small program: it can fail in every way
            raise TemplateError(f"{kind}: {type(error).__name__}: {error}") from error
        title, _, body = text.partition("\n")
        return title.removeprefix(TITLE).strip(), body.strip("\n") + "\n"
