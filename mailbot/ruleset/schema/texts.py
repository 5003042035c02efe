"""The schemas of the files whose words reach citizens, or are looked for in what they write."""

from __future__ import annotations

from mailbot.model import Defect, Difference
from mailbot.ruleset import applications, faq, topics
from mailbot.ruleset.lint import PROGRAM_CATEGORIES
from mailbot.ruleset.schema.parts import (
    CATEGORY,
    DAY,
    NAME,
    Schema,
    entries,
    pick,
    several,
    sourced,
    text,
    truth,
)
from mailbot.ruleset.schema.parts import (
    word as word_of,
)
from mailbot.ruleset.texts import DIFFERENCE_FIELDS, MAIN_PHONE


def categories_file() -> Schema:
    """The schema of rules/categories.yaml."""
    return {
        "type": "object",
        "description": "category of a ticket → what it is called in the registration mail",
        "patternProperties": {CATEGORY: text("plain Polish, beginning with a small letter")},
        "required": list(PROGRAM_CATEGORIES),
        "additionalProperties": False,
    }


def contacts_file() -> Schema:
    """The schema of rules/contacts.yaml."""
    number = sourced("a telephone", text("digits in groups", pattern=r"^\+?[0-9]+( [0-9]+)+$"), "number")
    phones = {"type": "object", "required": [MAIN_PHONE], "additionalProperties": number}
    address, link = text("an address"), text("a link")
    return entries(
        "the only telephones, addresses and links that a mail may name",
        {
            "helpdesk": sourced("the address of the helpdesk", address, "address"),
            "portal": sourced("the portal", text("https, no slash at the end", pattern="^https://"), "url"),
            "phones": phones | {"description": "service → telephone"},
        },
        {"addresses": _used("address", address), "links": _used("url", link)},
    )


def _used(key: str, value: Schema) -> Schema:
    use = {"enum": ["yes", "no"], "description": "no: switched off, no mail may name it"}
    item = entries("a further contact", {key: value, "source": text("where it was taken from")}, {"use": use})
    return {"type": "object", "description": "name → contact", "additionalProperties": item}


def defects_file() -> Schema:
    """The schema of rules/defects.yaml."""
    return entries("the sentence for each formal defect", {defect: text("one sentence") for defect in Defect})


def differences_file() -> Schema:
    """The schema of rules/differences.yaml."""

    def sentence(difference: Difference) -> Schema:
        field = DIFFERENCE_FIELDS.get(difference)
        if field is None:
            return text("one sentence")
        filled = text(f"may hold {{{field}}}, words of the citizen's subject")
        return entries("a sentence", {"text": filled, "general": text("the same without these words")})

    return entries("how a subject differs from the required one", {one: sentence(one) for one in Difference})


def topics_file() -> Schema:
    """The schema of rules/topics.yaml."""
    known = {
        "name": _name(),
        "title": text("what it is about, for people"),
        "said": _sayings("one of them must stand in subject or text", 1),
        "category": _category("of a ticket whose rule names none"),
        "context": _sayings("one of these must stand there as well"),
        "unless": _sayings("none of these may stand there"),
        "nothing_but": several("the mail holds no other words than these", text("one word")) | {"uniqueItems": False},
        "yields_to": several("topics above: it is no topic of the mail when one of these is", _name()),
    }
    topic = entries("a topic", pick(topics.REQUIRED, known), pick(topics.OPTIONAL, known))
    listed = several("in the order in which they are listed", topic, 1, topics.MOST)
    return entries("what a mail outside the special procedure may be about", {"topics": listed}, {"words": _lists()})


def applications_file() -> Schema:
    """The schema of rules/applications.yaml."""
    known = {
        "name": _name(),
        "title": text("what it is, for the people who decide"),
        "said": _sayings("one of them says it", 1),
        "unless": _sayings("none of these may stand in the same sentence"),
        "begins": _sayings("or one of these begins a line or a sentence, as a title does"),
    }
    wanted = entries(
        "something that must be said", pick(applications.REQUIRED, known), pick(applications.BEGINS, known)
    )
    addressed = {"said": _sayings("one of them says it; starylogin and nowylogin are the two addresses", 1)}
    against = entries(
        "something that must not",
        pick(applications.REQUIRED, known | addressed),
        pick(applications.OPTIONAL, known),
    )
    word = text("a word or {list}")
    clause = entries(
        "a kind of clauses that an application may have",
        {"name": _name(), "title": text("what it tells, for the people who decide")},
        {
            "said": several("verbs; one of them, or of denied, stands there", word, 1),
            "denied": several("what stands behind a denial, and only there", word, 1),
            "of": several("what it speaks of; one of them stands there", word, 1),
            "words": several("what else may stand there", word, 1),
            "places": truth("whether names of places may stand there"),
            "near": truth("whether what it speaks of must stand in the clause itself, not only in the sentence"),
            "free": word_of(
                "what may stand there though no list has it",
                {
                    "words": "things, qualities and circumstances of the dictionary that are not guarded",
                    "verbs": "those, and what the writer or a thing does or did",
                    "never": "nothing, and nothing of that in its sentence",
                    "address": "one of the two addresses, and it must",
                },
            ),
        },
    )
    letter = entries(
        "what such a letter is made of",
        {
            "joints": several("with which a clause may begin within a sentence", word, 1),
            "never": several("words that no name of a place or a firm has", word, 1),
            "guarded": several("words, as a dictionary names them, that stand nowhere but in a list", word, 1),
            "firms": several("with which a line begins that is the name of a firm", word, 1),
            "trades": several("what stands below the name of the applicant, or behind it", word, 1),
            "towns": several(
                "towns that the dictionary of Polish does not know", text("a town"), 1, applications.MOST_TOWNS
            ),
            "clauses": several("the kinds of clauses that it may have", clause, 1, applications.MOST_CLAUSES),
        },
    )
    return entries(
        "what a signed document must say to be the application of case B",
        {
            "wanted": several("everything that must be said", wanted, 1, topics.MOST),
            "against": several("what must not be said", against, 1, topics.MOST),
            "letter": letter,
        },
        {"words": _lists()},
    )


def _lists() -> Schema:
    return {
        "type": "object",
        "description": "words that sayings name together, as {name}",
        "additionalProperties": several("the words", text("one word"), 1),
    }


def faq_file() -> Schema:
    """The schema of rules/faq.yaml."""
    answer = several("lines, in Polish", text("a line", maxLength=faq.LONGEST_LINE), 1) | {"uniqueItems": False}
    known = {
        "name": _name(),
        "question": text("the question in its whole words"),
        "answer": answer,
        "said": _sayings("one of them says that it is this question", 1),
        "title": text("what the system is called"),
        "owner": text("whose system it is"),
        "source": text("where the answers were taken from"),
        "published": text("the day of the source", pattern=DAY),
        "category": _category("of the ticket"),
        "about": _sayings("one of them says that a mail is about this system", 1),
        "unless": _sayings("none of these may stand there"),
    }
    known["entries"] = several("its questions", entries("a question", pick(faq.ENTRY, known)), 1)
    system = entries("a system", pick(faq.SYSTEM, known), pick(("unless",), known))
    return entries("questions that a machine may answer", {"systems": several("the systems", system)})


def _name() -> Schema:
    return text("small letters, digits and -", pattern=NAME, maxLength=40)


def _category(about: str) -> Schema:
    return text(f"{about}; a name of categories.yaml", pattern=CATEGORY)


def _sayings(about: str, least: int = 0) -> Schema:
    return several(about, text("a saying, as 'usun* [moje] (konto|konta)'"), least, topics.MOST)
