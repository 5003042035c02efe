"""Where the sentence of the procedure stands: the quick look against the definition, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.request import sentence
from mailbot.request.characters import flat
from mailbot.request.person import _Region
from mailbot.request.sentence import PhraseMatch, sentences
from mailbot.request.vocabulary import HINTS, JUNK, LABEL_NAME, STRONG_MARK
from tests.support import examples

_WORDS = ("proszę", "o", "zmianę", "hasła", "awaryjnego", "dla", "oraz", "adresu", "e-mail", "email", "Jan", "Nowak")
_SLIPS = ("prosze", "prosz", "xproszę", "zmiane", "zmaine", "hasla", "haslaa", "hasło", "awaryjneg", "awaryjnegoo", "O")
_GAPS = (" ", "  ", "\n", ", ", "-", "_", "." * 20, "." * 21, "")
_DATA = (
    "1980",
    "ur. 1980",
    "imię i nazwisko",
    "(imię)",
    "xxx",
    ".....",
    "tel. 600 700 800",
    "a@b.example",
    "…",
    "ﬁ",
    "İ",
)

texts = st.lists(
    st.tuples(st.one_of(st.sampled_from(_WORDS), st.sampled_from(_WORDS + _SLIPS)), st.sampled_from(_GAPS)), max_size=14
).map(lambda pieces: "".join(word + gap for word, gap in pieces))
whole = st.tuples(
    texts, st.sampled_from(("Proszę o zmianę hasła awaryjnego", "PROSZE-O  zmiane\nHASLA awaryjengo")), texts
)


def slowly(text: str) -> Iterator[PhraseMatch]:
    """The definition: every word of the text may be the first."""
    found = list(re.finditer(r"[^\W_]+", flat(text)))
    said = [match[0] for match in found]
    for i in range(len(said) - 5):
        if not all(sentence._same(said[i + k], word) for k, word in enumerate(sentence._BEGINNING)):
            continue
        for last in range(i + 5, min(i + 5 + sentence._LONGEST_TAIL, len(said))):
            if said[last] != "dla":
                continue
            phrase = sentence._phrase(said[i + 5 : last])
            near = all(found[k + 1].start() - found[k].end() <= sentence._WIDEST_GAP for k in range(i, last))
            if phrase and near:
                yield PhraseMatch(phrase, found[i].start(), found[last].end())
            break


@settings(max_examples=examples(1_200), deadline=None)
@given(st.one_of(texts, whole.map(" ".join), whole.map("".join)))
def test_the_quick_look_finds_what_the_slow_one_finds(text: str) -> None:
    assert list(sentences(flat(text))) == list(slowly(text))


@settings(max_examples=examples(600), deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_DATA + _WORDS), st.text(max_size=8)), max_size=12).map(" ".join))
def test_a_region_keeps_its_flat_form(text: str) -> None:
    region = _Region.of(text)
    for pattern in (*(one for _, one in HINTS), *JUNK, STRONG_MARK, LABEL_NAME):
        region = region.without(pattern)
        assert region == _Region.of(region.text)
