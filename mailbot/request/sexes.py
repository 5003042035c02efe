"""The sex a given name tells, which decides how it and the surname are declined (procedure §5.2)."""

from __future__ import annotations

import re

from mailbot.request.characters import fold, word_set

# Names in -a that men bear; those that women bear too stand in _BOTH.
_MEN = word_set(
    """
    kuba barnaba bonawentura kosma jarema dyzma mykola mikola nikita illia ilia ilja luca foma foka sawa sava
    savva saba jona ezdra mustafa musa isa yahya joshua krishna aditya mykyta kuzma toma danyla danila juda
    ilya attila gyula bela luka mattia hamza reza taha zawisza
    """
)
_BOTH = word_set(
    """
    andrea sasha sasza sascha aliosza alyosha misha misza nikola zhenya zenia zenja slava valya wala jura yura
    adama micha mischa minh anh linh thanh phuong hong van alex kim robin kris chris jean nicola elia
    """
)
# Women's names that do not end in -a.
_WOMEN = word_set(
    """
    nel noemi beatrycze beatrice carmen ingrid miriam nicole nicol ruth rut karen ester esther dolores mercedes iris
    zoe chloe abigail rachel vivien vivian judyt marie anne jeanne claire julie sophie emilie charlotte alice
    elisabeth elizabeth margaret hannah sarah deborah leah naomi susan karin kirsten astrid sigrid gudrun heidi elke
    heike silke anke ulrike sabine christine katherine catherine caroline simone yvonne ines beatriz isabel raquel
    pilar soledad lyubov liubov lubow ninel thi huong lan hoa mai thuy nhung trang nguyet jennifer amy mary emily
    lucy betty nancy kelly wendy dorothy joan helen ellen kathleen maureen carol sheryl grace nelly jenny penny
    polly molly sally cindy mandy lily ivy daphne penelope phoebe irene agnes doris janet inger solveig mariam
    maryam zeynep elif noor zainab
    """
)
# Men's names whose genitive in -a no woman bears; that of all others one may: Daniel, Ryszard (procedure §5.2).
_ONLY_MEN = word_set(
    """
    zbigniew piotr marek pawel krzysztof andrzej maciej wojciech jakub jacek rafal szymon artur bartlomiej mikolaj
    leszek lech kacper igor oleg oleh olaf ihor taras vasyl wasyl dmytro mykhailo mykhaylo mychajlo serhii serhij
    serhiy sergiusz yurii yuriy jurij oleksii oleksij maksym denys artem nazar ostap borys hryhorii kyrylo havrylo
    levko yurko mieszko sergei sergey sergii siarhei siergiej dmitrii dmitry dmitriy dmitrij aleksei alexey aliaksei
    egor yegor yehor gleb hlib timur
    """
)
# What a man is called, though it looks like the genitive of a woman's name: Antonia, Cezara, Wincenta.
_MEN_LIKE_GENITIVES = word_set(
    """
    antoni cezary jerzy ignacy walenty wincenty ksawery hilary alojzy aleksy aleksei bazyli dionizy konstanty
    innocenty gerwazy protazy pankracy serwacy bonifacy horacy ambrozy makary apolinary walery zachary jacenty
    laurenty idzi valeri valery valerii valerij anatoli anatolii andrei andriy andrii matei kai ali andy toni tony
    nuri jani gari harry billy bobby danny johnny jimmy tommy terry barry larry mickey mikey denny freddy teddy
    leslie remi vitali vitalii heorhii yevhenii evgenii arsenii yurii yuri juri dmitri dmitrii sergei serhii rudi
    uli mehdi sami cory lucy marceli arkadii arcadii arkady anatoly arseni dani dimitri dimitrii dimitrij dmitry
    dmitrij eugeni evgeni evgeny evgenij evhenii yevgeni yevgenii yevgeny yevheni jevgeni jevgenij jewgienij evgheni
    evghenii yauheni feodosii gennadi gennadii hennadii gennady georgi georgii georgy georgij giorgi grigori
    grigorii grigory grigorij hryhorii hryhorij vasili vasilii vasily vasylii vasilij vassili vassily wasilij
    bazylii sergi sergii sergij sergey serhij zinovii leontii leonti waleri walerij walerii vitaly vitalij witalij
    witali valeriy evgeniy yevheniy arsenij makarii claudi klaudi luigi timotei elisei ilari hilarii levi fadi hadi
    shadi sabri naji zaki fawzi ramzi radi rabi hamdi fathi lutfi charly willi willy ronny donny eddy fredy kenny
    jonny monty randy sandy rory davy vicki ricki remy gili avi eli alexy apolinarii innocentii
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


def may_be_woman(name: str, genitive: str) -> bool:
    """Whether the genitive of a man's given name is, or may be, what a woman is called: Daniela. Both folded."""
    return genitive.endswith("a") and not (name in _ONLY_MEN or name.endswith(("sz", "rz")))


def is_somebody(genitive: str) -> bool:
    """Whether the genitive of a name in -a is what another is called: Antoni of Antonia, Mary of Mara."""
    return genitive in _MEN_LIKE_GENITIVES or (genitive.endswith("y") and genitive in _WOMEN)
