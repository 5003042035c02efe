"""The sex a given name tells, which decides how it and the surname are declined (domain.md §5.2)."""

from __future__ import annotations

import re

from mailbot.request.characters import fold

# Names in -a that men bear; those that women bear too stand in _BOTH.
_MEN = frozenset(
    "kuba barnaba bonawentura kosma jarema dyzma mykola mikola nikita illia ilia ilja luca foma foka sawa sava savva saba "
    "jona ezdra mustafa musa isa yahya joshua krishna aditya mykyta kuzma toma danyla danila juda".split()
)
_BOTH = frozenset(
    "andrea sasha sasza sascha aliosza alyosha misha misza nikola zhenya zenia zenja slava valya wala jura yura simona "
    "adama micha mischa minh anh linh thanh phuong hong van alex kim robin kris chris jean".split()
)
# Women's names that do not end in -a.
_WOMEN = frozenset(
    "nel noemi beatrycze beatrice carmen ingrid miriam nicole nicol ruth rut karen ester esther dolores mercedes iris zoe "
    "chloe abigail rachel vivien vivian judyt marie anne jeanne claire julie sophie emilie charlotte alice elisabeth "
    "elizabeth margaret hannah sarah deborah leah naomi susan karin kirsten astrid sigrid gudrun heidi elke heike silke "
    "anke ulrike sabine christine katherine catherine caroline simone yvonne ines beatriz isabel raquel pilar soledad "
    "lyubov liubov lubow ninel thi huong lan hoa mai thuy nhung trang nguyet jennifer amy mary emily lucy betty nancy "
    "kelly wendy dorothy joan helen ellen kathleen maureen carol sheryl grace daphne penelope phoebe irene agnes "
    "doris janet inger solveig mariam maryam zeynep elif noor zainab".split()
)
# Men's names whose genitive is a woman's name: "Daniela", "Kamila", "Stanisława" (domain.md §5.2, 347 of 2,018).
_TWINS = frozenset(
    "jan daniel kamil aleksander alexander oleksandr aleksandr gabriel karol dominik adrian julian roman emil marian henryk "
    "ludwik robert jozef antonin augustyn justyn martyn krystian christian fabian sebastian wiktor viktor victor teodor "
    "izydor bogdan bohdan bogumil hieronim longin marcel marceli rafael samuel manuel emanuel fryderyk eryk erik filip "
    "philip albert norbert alfred wit leon paul paulin pawel michal mikael joachim kornel florian damian lucjan lucian "
    "felicjan wiwian hilary apolinary eugeni evgen yevgen walery valery walerian valerian maksymilian maximilian tacjan "
    "urban salwator klemens seweryn celestyn faustyn sabin kajetan donat honorat renat ren lionel raul marek mark mart "
    "klaudi juli aureli cecyli natan jordan morgan dian den patryk ignac vladimir vladislav stanislav yaroslav bernard "
    "leopold rajmund edmund zygmunt wilhelm helen georg george carl charl mario angel luis lui andre rene jean denis "
    "jaromir kazimir ariel axel micael nikol noel estel arlet anton anatol fran franc francisc silvestr ewaryst kryspin "
    "konstantyn valentin walentyn marcin martin konrad oskar oliwer oliver olivier oliwier hubert ernest august".split()
)
_SURNAME_OF_WOMAN = re.compile(r"(?:sk|ck|dzk)a$|ow?na$|[oie]va$|aia$|aya$")
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
