"""Title, text and HTML of a mail, written once for all the tickets that are told the same.

What fills a template are days, minutes and words of the rules, alike for many tickets, and the number, which is not. A
mail that is told a second time leaves a form behind: its octets with a slot in the place of every digit. The later ones
are that form filled in, octet for octet what the template would have given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailbot.mails.compose import body
from mailbot.mails.templates import Templates
from mailbot.mails.variables import SET_OFF, VARIABLES, targets
from mailbot.model import MailKind

_NAME = "ZGL"
_NUMBER = re.compile(rf"{_NAME}[0-9]{{7,12}}", re.ASCII)
_SLOTS = bytes((*range(1, 9), *range(14, 18)))
"""One for each digit: control characters that stand neither in a title nor in quoted-printable."""
_OTHER_DIGITS = str.maketrans("0123456789", "1234567890")
_OCTETS_MAX = 4_000_000
"""Of all forms together. A form is good for the minute or the day that it tells: the old ones are of no use."""
_ENTRY = 2_000  # octets, about, of what tells a form from others
_OWN = frozenset(name for name, variable in VARIABLES.items() if variable.own)


_Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    """Title (UTF-8) and body with slots."""

    title: bytes
    body: bytes

    def filled(self, number: str) -> tuple[str, bytes]:
        digits = number.removeprefix(_NAME).encode()
        table = bytes.maketrans(_SLOTS[: len(digits)], digits)
        return self.title.translate(table).decode(), self.body.translate(table)


class Bodies:
    """The bodies that the templates of one rule set give. May be shared between threads: two of them make one form."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._once: set[_Key] = set()
        self._forms: dict[_Key, _Form | None] = {}
        """None: more than digits may hang on the number."""
        self._octets = 0

    def write(self, kind: MailKind, language: str, values: Mapping[str, str]) -> tuple[str, bytes]:
        """Title and body of the mail that ``values`` fill; nothing else is in them. Raises TemplateError.

        Where a word of one citizen is among the values, nothing is kept.
        """
        number = values["zgl"]
        if not _NUMBER.fullmatch(number) or any(values[name] for name in _OWN & values.keys()):
            return self.written(kind, language, values)
        key = (kind.value, language, len(number), *{**values, "zgl": ""}.values())
        if key not in self._forms:
            if key not in self._once:
                self._count(_ENTRY)
                self._once.add(key)
                return self.written(kind, language, values)
            made = self._form(kind, language, values)
            self._count(len(made.body) if made else 0)
            self._forms[key] = made
        form = self._forms.get(key)
        return form.filled(number) if form else self.written(kind, language, values)

    def written(self, kind: MailKind, language: str, values: Mapping[str, str]) -> tuple[str, bytes]:
        """The same by the template."""
        return _composed(language, values, *self._templates.render(kind, language, values))

    def _form(self, kind: MailKind, language: str, values: Mapping[str, str]) -> _Form | None:
        numbers = (values["zgl"], values["zgl"].translate(_OTHER_DIGITS))
        pair = [{**values, "zgl": number} for number in numbers]
        told = [self._templates.render(kind, language, one) for one in pair]
        rests = {"\n".join(texts).replace(number, "") for number, texts in zip(numbers, told, strict=True)}
        others = (words for name, words in values.items() if name != "zgl")
        if len(rests) > 1 or any(_NAME in words for words in (*rests, *others)):  # of two alike the first is set off
            return None
        if self._templates.compares(kind, language, "zgl") or not told[0][0].isprintable():
            return None
        one, two = (_composed(language, one, *texts) for one, texts in zip(pair, told, strict=True))
        digits = len(values["zgl"]) - len(_NAME)
        return _Form(_slotted(one[0].encode(), two[0].encode(), digits), _slotted(one[1], two[1], digits))

    def _count(self, octets: int) -> None:
        self._octets += octets
        if self._octets > _OCTETS_MAX:
            self._once.clear()
            self._forms.clear()
            self._octets = octets


def _composed(language: str, values: Mapping[str, str], title: str, text: str) -> tuple[str, bytes]:
    strong = tuple(values[name] for name in SET_OFF if name in values)
    return title, body(title, text, language, strong, targets(values))


def _slotted(one: bytes, other: bytes, digits: int) -> bytes:
    """``one`` with a slot in place of every digit of its number, which is all that ``other`` has not alike."""
    slotted = bytearray(one)
    places = [place for place, (left, right) in enumerate(zip(one, other, strict=True)) if left != right]
    for nth, place in enumerate(places):
        slotted[place] = _SLOTS[nth % digits]
    return bytes(slotted)
