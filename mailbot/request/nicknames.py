"""What people are called beside their given name, at home or in another language: a person looks.

A name is known in every spelling of its sound (``spellings``): Sergiy as Sergei.
"""

from __future__ import annotations

from collections import defaultdict

from mailbot.request.spellings import skeleton

# A line is what one person may be called; folded. Names that stand in no common line are different names.
_LINES = """
abdulrahman abdurrahman abdelrahman
adam adas
adrian adi
agata agatka
agnieszka aga agusia agunia agnes
ahmed ahmad ahmet
aleksander aleksandr oleksandr alexander olek alek oles sasza sasha aliaksandr alex aleks
aleksandra oleksandra alexandra ola olka olenka olusia sasza sasha aliaksandra
aleksy aleksei oleksii aliaksei alaksiej
alfred fredek
alicja ala alutka alice
anastazja anastasiia nastia nastassia
andrzej andrii andrij andrey andrei andrew andreas jedrek andrzejek anders
aneta anetka
anna ania anka anusia andzia anne ann anja
antoni anton antek antos tosiek anthony antonio
antonina tosia tonia
apolonia pola
arkadiusz arek
artem artsiom artiom artemii
artur arek artek
barbara basia baska barbora
bartlomiej bartek
bartosz bartek
bazyli vasyl vasilii
beata beatka
benedykt benek
boguslaw bogus
boguslawa bogusia
bozena bozenka
bronislaw bronek
cezary czarek
cyryl kyrylo kirill kiryl
czeslaw czesiek czesio
daniel danylo daniil danila
danuta danka danusia
daria darka
dariusz darek
denis denys dionizy
dmytro dmitrii dymitr dzmitry
dominika domi
dorota dorotka
edward edek edzio ted
edyta edytka
eliasz illia ilya elias
elzbieta ela elka elunia elizabeth elisabeth elisabetta yelizaveta
emilia emilka emily
eugeniusz gienek eugene yevhen evgenii yevhenii yauhen
ewa ewka ewunia eve eva yeva
ewelina ewela
fatima fatma fatimah
felicja fela
franciszek franek francis franz francesco francisco
franciszka frania francoise
fryderyk fred
gabriela gabrysia gabi
genowefa gienia
grazyna grazynka
grzegorz grzesiek grzes grzesio hryhorii gregory
gustaw gucio
halina halinka hala halyna galina
hanna hania hanka
helena hela helenka lena helen olena elena alena yelena
henryk heniek henio henry heinrich
honorata honia
husain hussein husayn huseyin
ignacy ignas
irena irka irenka iryna
ireneusz irek
iwona iwonka
izabela iza izabella
jacek jacus
jadwiga jadzia
jakub kuba kubus jakob jacob james yakiv yakov
jan janek jas jasiek jasio ivan iwan john johann johannes hans juan giovanni jean jonas janis janko ioannis
janina janka jasia
janusz januszek
jaroslaw jarek yaroslav
jerzy jurek yurii jurij george georg georgii giorgi georgios giorgos jorge
joanna asia aska joasia johanna
jolanta jola jolka
jozef jozek jozio juzek joseph josef jose josip giuseppe yosef iosif zefel
jozefa jozia
julia julka julcia yuliia yulia julie
julian julek
justyna justynka
kacper kacperek
kamila kamilka
karol karolek lolek charles carl karl
karolina karola karolcia
katarzyna kasia kaska kasienka kateryna katia catherine katherine kate ekaterina yekaterina
kazimiera kazia
kazimierz kazik kazek
kinga kinia
klaudia klaudynka
kornelia nela
krystian christian kristian
krystyna krysia kryska khrystyna christina kristina
krzysztof krzysiek krzys krzysio chris christopher christoph
leokadia lodzia
leon leos
leszek lech lesio
lidia lidka
lucjan lucek
lucyna lucynka
ludwik louis ludwig
lukasz lukaszek luki
maciej maciek
magdalena magda magdzia madzia lena
maksymilian maks max
malgorzata gosia goska malgosia malgoska gosienka margaret margarita margarete greta
marcin martin marcinek
marek mareczek mark marko
maria marysia maryska marylka mariia mania mary marie
marian maniek
marianna marysia
mariusz mariuszek
marta martusia
marzena marzenka
mateusz mati matvii matvei matthew matthias matteo
michal michas misiek mykhailo mychajlo michael mikhail michel miguel mike
mieczyslaw mietek miecio
mikolaj mikus miki mykola mikolajek nikolai nicholas nikolaus nikolaos mikalai
miroslaw mirek
miroslawa mirka mirusia
mohammed muhammad mohamed mohammad muhammed mehmet
monika monia
nadzieja nadiia nadezhda nadzeya
natalia natalka nataliia
nikita mykyta mikita
oksana aksana ksenia kseniia
olga ola olka olha
oliwia oliwka
patrycja pati
paulina paula
pawel pawelek pavlo paul pablo paolo
piotr piotrek piotrus petro peter petr pedro pietro pierre
przemyslaw przemek przemo
radoslaw radek
rafal rafalek
remigiusz remek
renata renia
robert robus bob
roman romek
rozalia rozia
ryszard rysiek rysio richard
sebastian seba
sergiusz serhii sergei siarhei serge
slawomir slawek
stanislaw staszek stas stasiek stasio stan
stanislawa stasia staszka
stefan stefek steven stephen stepan estevan
stefania stefcia
swietlana svitlana svetlana sviatlana
sylwester sylwek
sylwia sylwunia
szymon szymek simon semen siamion semion
tadeusz tadek tadzio
tatiana tetiana tatsiana tania
teodor fedir fedor fiodor
teresa terenia tereska
tomasz tomek tomus thomas tom
tymoteusz tymek timofii timothy
urszula ula ulka
waclaw wacek
waldemar waldek
walenty walek
wanda wandzia
weronika wera
wiera vira vera
wieslaw wiesiek wiesio
wieslawa wiesia
wiktor wiktorek viktor
wiktoria wika viktoriia
wilhelm william
wincenty wicek
wioletta violetta wiola
witold witek
wladyslaw wladek vladyslav
wlodzimierz wlodek volodymyr vladimir uladzimir
wojciech wojtek wojtus adalbert
yitzhak isaac icchak izaak
yousef yusuf youssef
zbigniew zbyszek zbych
zdzislaw zdzisiek zdzich
zenon zenek
zofia zosia zoska zofka sofiia sophie sonia
zuzanna zuza zuzia
zygmunt zygmus zyga
"""


def _called() -> dict[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in _LINES.split("\n"):
        for name in (names := line.split()):
            found[skeleton(name)].update(names)
    return {bones: frozenset(names) for bones, names in found.items()}


_CALLED = _called()


def called(name: str) -> frozenset[str]:
    """What the bearer of a given name (folded) may be called as well; empty: nothing that is known."""
    return _CALLED.get(skeleton(name), frozenset())
