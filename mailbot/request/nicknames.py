"""What people are called beside their given name, at home or in another language: a person looks."""

from __future__ import annotations

from collections import defaultdict

# A line is what one person may be called; folded. Names that stand in no common line are different names.
_LINES = """
adam adas
adrian adi
agata agatka
agnieszka aga agusia agunia
aleksander aleksandr oleksandr alexander olek alek oles sasza sasha
aleksandra oleksandra alexandra ola olka olenka olusia sasza sasha
alfred fredek
alicja ala alutka
andrzej andrii andrij andrey andrei andrew andreas jedrek andrzejek
aneta anetka
anna ania anka anusia andzia
antoni anton antek antos tosiek
antonina tosia tonia
apolonia pola
arkadiusz arek
artur arek artek
barbara basia baska
bartlomiej bartek
bartosz bartek
beata beatka
benedykt benek
boguslaw bogus
boguslawa bogusia
bozena bozenka
bronislaw bronek
cezary czarek
czeslaw czesiek czesio
danuta danka danusia
daria darka
dariusz darek
dominika domi
dorota dorotka
edward edek edzio
edyta edytka
elzbieta ela elka elunia
emilia emilka
eugeniusz gienek
ewa ewka ewunia
ewelina ewela
felicja fela
franciszek franek
franciszka frania
fryderyk fred
gabriela gabrysia gabi
genowefa gienia
grazyna grazynka
grzegorz grzesiek grzes grzesio hryhorii
gustaw gucio
halina halinka hala
hanna hania hanka
helena hela helenka lena
henryk heniek henio
honorata honia
ignacy ignas
irena irka irenka iryna
ireneusz irek
iwona iwonka
izabela iza izabella
jacek jacus
jadwiga jadzia
jakub kuba kubus jakob
jan janek jas jasiek jasio ivan iwan
janina janka jasia
janusz januszek
jaroslaw jarek yaroslav
jerzy jurek yurii jurij
joanna asia aska joasia
jolanta jola jolka
jozef jozek jozio juzek
jozefa jozia
julia julka julcia yuliia
julian julek
justyna justynka
kacper kacperek
kamila kamilka
karol karolek lolek
karolina karola karolcia
katarzyna kasia kaska kasienka kateryna katia
kazimiera kazia
kazimierz kazik kazek
kinga kinia
klaudia klaudynka
kornelia nela
krystyna krysia kryska
krzysztof krzysiek krzys krzysio chris
leokadia lodzia
leon leos
leszek lech lesio
lidia lidka
lucjan lucek
lucyna lucynka
lukasz lukaszek luki
maciej maciek
magdalena magda magdzia madzia lena
maksymilian maks max
malgorzata gosia goska malgosia malgoska gosienka
marcin martin marcinek
marek mareczek
maria marysia maryska marylka mariia mania
marian maniek
marianna marysia
mariusz mariuszek
marta martusia
marzena marzenka
mateusz mati
michal michas misiek mykhailo mychajlo
mieczyslaw mietek miecio
mikolaj mikus miki mykola
miroslaw mirek
miroslawa mirka mirusia
monika monia
natalia natalka nataliia
olga ola olka olha
oliwia oliwka
patrycja pati
paulina paula
pawel pawelek pavlo
piotr piotrek piotrus petro
przemyslaw przemek przemo
radoslaw radek
rafal rafalek
remigiusz remek
renata renia
robert robus
roman romek
rozalia rozia
ryszard rysiek rysio
sebastian seba
slawomir slawek
stanislaw staszek stas stasiek stasio
stanislawa stasia staszka
stefan stefek
stefania stefcia
sylwester sylwek
sylwia sylwunia
szymon szymek
tadeusz tadek tadzio
teresa terenia tereska
tomasz tomek tomus
tymoteusz tymek
urszula ula ulka
waclaw wacek
waldemar waldek
walenty walek
wanda wandzia
weronika wera
wieslaw wiesiek wiesio
wieslawa wiesia
wiktor wiktorek viktor
wiktoria wika viktoriia
wincenty wicek
wioletta violetta wiola
witold witek
wladyslaw wladek
wlodzimierz wlodek volodymyr
wojciech wojtek wojtus
zbigniew zbyszek zbych
zdzislaw zdzisiek zdzich
zenon zenek
zofia zosia zoska zofka sofiia
zuzanna zuza zuzia
zygmunt zygmus zyga
"""


def _called() -> dict[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in _LINES.split("\n"):
        for name in (names := line.split()):
            found[name].update(names)
    return {name: frozenset(others - {name}) for name, others in found.items()}


_CALLED = _called()


def called(name: str) -> frozenset[str]:
    """What the bearer of a given name (folded) may be called as well; empty: nothing that is known."""
    return _CALLED.get(name, frozenset())
