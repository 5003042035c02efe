"""The sex a given name tells, which decides how it and the surname are declined (procedure §5.2)."""

from __future__ import annotations

import re

from mailbot.request.characters import fold, word_set

# Names in -a that men bear; those that women bear too stand in _BOTH.
_MEN = word_set(
    """
    kuba barnaba bonawentura kosma jarema dyzma mykola mikola nikita illia ilia ilja luca foma foka sawa sava
    savva saba jona ezdra mustafa musa isa yahya joshua krishna aditya mykyta kuzma toma danyla danila juda
    """
)
_BOTH = word_set(
    """
    andrea sasha sasza sascha aliosza alyosha misha misza nikola zhenya zenia zenja slava valya wala jura yura
    adama micha mischa minh anh linh thanh phuong hong van alex kim robin kris chris jean
    """
)
# Women's names that do not end in -a.
_WOMEN = word_set(
    """
    nel noemi beatrycze beatrice carmen ingrid miriam nicole nicol ruth rut karen ester esther dolores mercedes
    iris zoe chloe abigail rachel vivien vivian judyt marie anne jeanne claire julie sophie emilie charlotte
    alice elisabeth elizabeth margaret hannah sarah deborah leah naomi susan karin kirsten astrid sigrid gudrun
    heidi elke heike silke anke ulrike sabine christine katherine catherine caroline simone yvonne ines beatriz
    isabel raquel pilar soledad lyubov liubov lubow ninel thi huong lan hoa mai thuy nhung trang nguyet jennifer
    amy mary emily lucy betty nancy kelly wendy dorothy joan helen ellen kathleen maureen carol sheryl grace
    daphne penelope phoebe irene agnes doris janet inger solveig mariam maryam zeynep elif noor zainab
    """
)
# Men's names whose genitive is a woman's name: "Daniela", "Kamila", "Stanisława" (procedure §5.2, 347 of 2,018).
_TWINS = word_set(
    """
    jan daniel kamil aleksandr oleksandr alexandr gabriel karol dominik adrian julian roman emil marian henryk
    ludwik robert jozef antonin augustyn justyn martyn martin krystian christian fabian sebastian wiktor viktor
    victor teodor izydor bogdan bohdan bogumil hieronim longin marcel rafael samuel manuel emanuel fryderyk eryk
    erik filip philip albert norbert wit leon paul paulin mikael kornel florian damian lucjan lucian felicjan
    walerian valerian maksymilian klemens seweryn celestyn faustyn sabin kajetan donat honorat renat patryk
    jordan natan bernard leopold wilhelm stanislav vladislav yaroslav jaroslav ariel axel nikol noel anton fran
    valentin walentyn konrad oliwer oliver olivier hubert ernest august
    """
)
_SURNAME_OF_WOMAN = re.compile(r"(?:sk|ck|dzk)a$|owna$|[oie]va$|aia$|aya$")
_SURNAME_OF_MAN = re.compile(r"(?:sk|ck|dzk)[iy]$|[oi]v$|[oi]w$")


def sexes(given: str, surname: str, sex: str | None) -> tuple[str, ...]:
    """The sexes a person may have: the registered one, else what the name tells, else both."""
    if sex in ("m", "f"):
        return (sex,)
    first, last = fold(re.split(r"[\s-]", given.strip())[0]), fold(re.split(r"[\s-]", surname.strip())[-1])
    if first in _BOTH or not first:
        return ("m", "f")
    if first in _MEN:
        return ("m",)
    if first in _WOMEN:
        return ("f",)
    if first.endswith("a"):
        return ("m", "f") if _SURNAME_OF_MAN.search(last) else ("f",)
    return ("m", "f") if _SURNAME_OF_WOMAN.search(last) else ("m",)


def also_feminine(genitive: str) -> bool:
    """Whether the genitive of a man's given name is a woman's name in the nominative."""
    return (
        genitive.endswith(("slawa", "slava", "mira"))
        or (genitive.endswith("a") and genitive[:-1] in _TWINS)
        or (genitive in ("aleksandra", "oleksandra", "alexandra"))
    )
