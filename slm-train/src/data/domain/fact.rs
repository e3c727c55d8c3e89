//! Simple facts: the utterance asks for one and the reply gives it.

/// The lexicons of facts.
pub(super) const LEXICON: &str = r"
@country of capital
france|of france|paris; Frankreich|von Frankreich; Francia|de Francia; France|de la France
germany|of germany|berlin; Deutschland|von Deutschland; Alemania|de Alemania; Allemagne|de l'Allemagne
spain|of spain|madrid; Spanien|von Spanien; España|de España; Espagne|de l'Espagne
italy|of italy|rome; Italien|von Italien; Italia|de Italia; Italie|de l'Italie
portugal|of portugal|lisbon; Portugal|von Portugal; Portugal|de Portugal; Portugal|du Portugal
austria|of austria|vienna; Österreich|von Österreich; Austria|de Austria; Autriche|de l'Autriche
poland|of poland|warsaw; Polen|von Polen; Polonia|de Polonia; Pologne|de la Pologne
hungary|of hungary|budapest; Ungarn|von Ungarn; Hungría|de Hungría; Hongrie|de la Hongrie
greece|of greece|athens; Griechenland|von Griechenland; Grecia|de Grecia; Grèce|de la Grèce
sweden|of sweden|stockholm; Schweden|von Schweden; Suecia|de Suecia; Suède|de la Suède
norway|of norway|oslo; Norwegen|von Norwegen; Noruega|de Noruega; Norvège|de la Norvège
denmark|of denmark|copenhagen; Dänemark|von Dänemark; Dinamarca|de Dinamarca; Danemark|du Danemark
finland|of finland|helsinki; Finnland|von Finnland; Finlandia|de Finlandia; Finlande|de la Finlande
ireland|of ireland|dublin; Irland|von Irland; Irlanda|de Irlanda; Irlande|de l'Irlande
england|of england|london; England|von England; Inglaterra|de Inglaterra; Angleterre|de l'Angleterre
scotland|of scotland|edinburgh; Schottland|von Schottland; Escocia|de Escocia; Écosse|de l'Écosse
wales|of wales|cardiff; Wales|von Wales; Gales|de Gales; pays de Galles|du pays de Galles
belgium|of belgium|brussels; Belgien|von Belgien; Bélgica|de Bélgica; Belgique|de la Belgique
japan|of japan|tokyo; Japan|von Japan; Japón|de Japón; Japon|du Japon
china|of china|beijing; China|von China; China|de China; Chine|de la Chine
russia|of russia|moscow; Russland|von Russland; Rusia|de Rusia; Russie|de la Russie
egypt|of egypt|cairo; Ägypten|von Ägypten; Egipto|de Egipto; Égypte|de l'Égypte
kenya|of kenya|nairobi; Kenia|von Kenia; Kenia|de Kenia; Kenya|du Kenya
canada|of canada|ottawa; Kanada|von Kanada; Canadá|de Canadá; Canada|du Canada
mexico|of mexico|mexico city; Mexiko|von Mexiko; México|de México; Mexique|du Mexique
cuba|of cuba|havana; Kuba|von Kuba; Cuba|de Cuba; Cuba|de Cuba
peru|of peru|lima; Peru|von Peru; Perú|de Perú; Pérou|du Pérou
chile|of chile|santiago; Chile|von Chile; Chile|de Chile; Chili|du Chili
australia|of australia|canberra; Australien|von Australien; Australia|de Australia; Australie|de l'Australie
thailand|of thailand|bangkok; Thailand|von Thailand; Tailandia|de Tailandia; Thaïlande|de la Thaïlande
vietnam|of vietnam|hanoi; Vietnam|von Vietnam; Vietnam|de Vietnam; Viêt Nam|du Viêt Nam
iceland|of iceland|reykjavik; Island|von Island; Islandia|de Islandia; Islande|de l'Islande
croatia|of croatia|zagreb; Kroatien|von Kroatien; Croacia|de Croacia; Croatie|de la Croatie
romania|of romania|bucharest; Rumänien|von Rumänien; Rumanía|de Rumanía; Roumanie|de la Roumanie
bulgaria|of bulgaria|sofia; Bulgarien|von Bulgarien; Bulgaria|de Bulgaria; Bulgarie|de la Bulgarie
colombia|of colombia|bogota; Kolumbien|von Kolumbien; Colombia|de Colombia; Colombie|de la Colombie
argentina|of argentina|buenos aires; Argentinien|von Argentinien; Argentina|de Argentina; Argentine|de l'Argentine
venezuela|of venezuela|caracas; Venezuela|von Venezuela; Venezuela|de Venezuela; Venezuela|du Venezuela

@coloured is
the sky|blue; der Himmel; el cielo; le ciel
grass|green; Gras; la hierba; l'herbe
snow|white; Schnee; la nieve; la neige
blood|red; Blut; la sangre; le sang
coal|black; Kohle; el carbón; le charbon
a lemon|yellow; eine Zitrone; un limón; un citron
an elephant|grey; ein Elefant; un elefante; un éléphant
chocolate|brown; Schokolade; el chocolate; le chocolat
a carrot|orange; eine Karotte; una zanahoria; une carotte
a flamingo|pink; ein Flamingo; un flamenco; un flamant
an aubergine|purple; eine Aubergine; una berenjena; une aubergine
gold|yellow; Gold; el oro; l'or
silver|grey; Silber; la plata; l'argent
a raven|black; ein Rabe; un cuervo; un corbeau
a frog|green; ein Frosch; una rana; une grenouille
a polar bear|white; ein Eisbär; un oso polar; un ours polaire
a tomato|red; eine Tomate; un tomate; une tomate
milk|white; Milch; la leche; le lait
an emerald|green; ein Smaragd; una esmeralda; une émeraude
a sapphire|blue; ein Saphir; un zafiro; un saphir

@legged number
a spider|eight; eine Spinne; una araña; une araignée
a dog|four; ein Hund; un perro; un chien
a horse|four; ein Pferd; un caballo; un cheval
a bird|two; ein Vogel; un pájaro; un oiseau
an ant|six; eine Ameise; una hormiga; une fourmi
a bee|six; eine Biene; una abeja; une abeille
a beetle|six; ein Käfer; un escarabajo; un scarabée
a cow|four; eine Kuh; una vaca; une vache
a duck|two; eine Ente; un pato; un canard
a snake|no; eine Schlange; una serpiente; un serpent
a fish|no; ein Fisch; un pez; un poisson
a butterfly|six; ein Schmetterling; una mariposa; un papillon
a crab|ten; eine Krabbe; un cangrejo; un crabe
an ostrich|two; ein Strauß; un avestruz; une autruche
a tiger|four; ein Tiger; un tigre; un tigre
a penguin|two; ein Pinguin; un pingüino; un pingouin
a mosquito|six; eine Mücke; un mosquito; un moustique
a scorpion|eight; ein Skorpion; un escorpión; un scorpion

@opposite is
hot|cold; heiß; caliente; chaud
big|small; groß; grande; grand
fast|slow; schnell; rápido; rapide
old|young; alt; viejo; vieux
good|bad; gut; bueno; bon
rich|poor; reich; rico; riche
loud|quiet; laut; ruidoso; bruyant
full|empty; voll; lleno; plein
light|dark; hell; claro; clair
high|low; hoch; alto; haut
hard|soft; hart; duro; dur
wet|dry; nass; mojado; mouillé
strong|weak; stark; fuerte; fort
wide|narrow; breit; ancho; large
happy|sad; glücklich; feliz; heureux
clean|dirty; sauber; limpio; propre
cheap|expensive; billig; barato; bon marché
early|late; früh; temprano; tôt
sweet|bitter; süß; dulce; sucré
thick|thin; dick; grueso; épais
open|closed; offen; abierto; ouvert
deep|shallow; tief; profundo; profond
sharp|blunt; scharf; afilado; aiguisé
heavy|light; schwer; pesado; lourd
smooth|rough; glatt; liso; lisse
safe|dangerous; sicher; seguro; sûr
true|false; wahr; verdadero; vrai
alive|dead; lebendig; vivo; vivant
guilty|innocent; schuldig; culpable; coupable
generous|greedy; großzügig; generoso; généreux

@sound says
a cow|moos; eine Kuh; una vaca; une vache
a dog|barks; ein Hund; un perro; un chien
a cat|meows; eine Katze; un gato; un chat
a lion|roars; ein Löwe; un león; un lion
a horse|neighs; ein Pferd; un caballo; un cheval
a duck|quacks; eine Ente; un pato; un canard
a wolf|howls; ein Wolf; un lobo; un loup
a bee|buzzes; eine Biene; una abeja; une abeille
a snake|hisses; eine Schlange; una serpiente; un serpent
an owl|hoots; eine Eule; un búho; un hibou
a sheep|bleats; ein Schaf; una oveja; un mouton
a pig|grunts; ein Schwein; un cerdo; un cochon
a frog|croaks; ein Frosch; una rana; une grenouille
a donkey|brays; ein Esel; un burro; un âne
a mouse|squeaks; eine Maus; un ratón; une souris
a rooster|crows; ein Hahn; un gallo; un coq
a bear|growls; ein Bär; un oso; un ours

@made from
a window|glass; ein Fenster; una ventana; une fenêtre
a book|paper; ein Buch; un libro; un livre
a tyre|rubber; ein Reifen; un neumático; un pneu
a coin|metal; eine Münze; una moneda; une pièce
a brick|clay; ein Ziegel; un ladrillo; une brique
a sweater|wool; ein Pullover; un suéter; un pull
a candle|wax; eine Kerze; una vela; une bougie
a statue|stone; eine Statue; una estatua; une statue
a pencil|wood; ein Bleistift; un lápiz; un crayon
a nail|iron; ein Nagel; un clavo; un clou
a saddle|leather; ein Sattel; una silla de montar; une selle
cheese|milk; Käse; el queso; le fromage
wine|grapes; Wein; el vino; le vin
a bottle|glass; eine Flasche; una botella; une bouteille
bread|flour; Brot; el pan; le pain
an omelette|eggs; ein Omelett; una tortilla; une omelette
a shirt|cotton; ein Hemd; una camisa; une chemise
a bridge|steel; eine Brücke; un puente; un pont

@planet fact
mercury|the closest planet to the sun; den Merkur; Mercurio; Mercure
venus|the hottest planet; die Venus; Venus; Vénus
mars|the red planet; den Mars; Marte; Mars
jupiter|the largest planet; den Jupiter; Júpiter; Jupiter
saturn|the planet with the big rings; den Saturn; Saturno; Saturne
neptune|the farthest planet from the sun; den Neptun; Neptuno; Neptune
uranus|the planet that lies on its side; den Uranus; Urano; Uranus
the earth|our home; die Erde; la Tierra; la Terre
the moon|the companion of the earth; den Mond; la Luna; la Lune
the sun|the star in our middle; die Sonne; el Sol; le Soleil

@weekday next last of
monday|tuesday|sunday|monday; Montag; el lunes|el lunes|el lunes|del lunes; lundi
tuesday|wednesday|monday|tuesday; Dienstag; el martes|el martes|el martes|del martes; mardi
wednesday|thursday|tuesday|wednesday; Mittwoch; el miércoles|el miércoles|el miércoles|del miércoles; mercredi
thursday|friday|wednesday|thursday; Donnerstag; el jueves|el jueves|el jueves|del jueves; jeudi
friday|saturday|thursday|friday; Freitag; el viernes|el viernes|el viernes|del viernes; vendredi
saturday|sunday|friday|saturday; Samstag; el sábado|el sábado|el sábado|del sábado; samedi
sunday|monday|saturday|sunday; Sonntag; el domingo|el domingo|el domingo|del domingo; dimanche

@monthly next days
january|february|thirty one; Januar; enero; janvier
march|april|thirty one; März; marzo; mars
april|may|thirty; April; abril; avril
may|june|thirty one; Mai; mayo; mai
june|july|thirty; Juni; junio; juin
july|august|thirty one; Juli; julio; juillet
august|september|thirty one; August; agosto; août
september|october|thirty; September; septiembre; septembre
october|november|thirty one; Oktober; octubre; octobre
november|december|thirty; November; noviembre; novembre
december|january|thirty one; Dezember; diciembre; décembre

@work does
baker|bakes bread; Bäcker; panadero; boulanger
teacher|teaches children; Lehrer; profesor; professeur
farmer|grows food; Bauer; agricultor; agriculteur
pilot|flies planes; Pilot; piloto; pilote
painter|paints pictures; Maler; pintor; peintre
tailor|makes clothes; Schneider; sastre; tailleur
carpenter|works with wood; Tischler; carpintero; charpentier
surgeon|operates on patients; Chirurg; cirujano; chirurgien
fisherman|catches fish; Fischer; pescador; pêcheur
gardener|takes care of plants; Gärtner; jardinero; jardinier
judge|decides in court; Richter; juez; juge
butcher|sells meat; Metzger; carnicero; boucher
firefighter|puts out fires; Feuerwehrmann; bombero; pompier
mechanic|repairs cars; Mechaniker; mecánico; mécanicien
writer|writes books; Schriftsteller; escritor; écrivain
barber|cuts hair; Friseur; barbero; coiffeur
";

/// The questions for facts.
pub(super) const TEMPLATES: &str = r"
en what is the capital of {country} | tell me the capital of {country} | which city is the capital of {country}
de was ist die Hauptstadt {country.of}
es cuál es la capital {country.of}
fr quelle est la capitale {country.of}
q which country is asked about = {country}
q what is the answer = {country.capital}
f place = {country}
c and how many people live there
r the capital of {country} is {country.capital}

en what colour is {coloured} | which colour has {coloured} | tell me what colour {coloured} is
de welche Farbe hat {coloured}
es de qué color es {coloured}
fr de quelle couleur est {coloured}
q what is asked about = {coloured}
q what is the answer = {coloured.is}
c and why is that so
r {coloured} is {coloured.is}

en how many legs does {legged} have | tell me how many legs {legged} has | how many legs has {legged} got
de wie viele Beine hat {legged}
es cuántas patas tiene {legged}
fr combien de pattes a {legged}
q which animal is asked about = {legged}
q what is counted = legs
c because my daughter wants to know
r {legged} has {legged.number} legs

en what is the opposite of {opposite} | tell me the opposite of {opposite} | which word is the opposite of {opposite}
de was ist das Gegenteil von {opposite}
es qué es lo contrario de {opposite}
fr quel est le contraire de {opposite}
q which word is asked about = {opposite}
q what is the answer = {opposite.is}
c and use it in a sentence
r the opposite of {opposite} is {opposite.is}

en what sound does {sound} make | which noise does {sound} make | tell me the sound {sound} makes
de welches Geräusch macht {sound}
es qué sonido hace {sound}
fr quel bruit fait {sound}
q which animal is asked about = {sound}
c and can you make that sound
r {sound} {sound.says}

en what is {made} made of | tell me what {made} is made of | which material is {made} made of
de woraus besteht {made}
es con qué se hace {made}
fr avec quoi fabrique-t-on {made}
q what is asked about = {made}
q what is the answer = {made.from}
c and how is it made
r {made} is made of {made.from}

en what do you know about {planet} | tell me something about {planet} | what can you tell me about {planet}
de was weißt du über {planet}
es qué sabes sobre {planet}
fr que sais-tu sur {planet}
q what does the speaker ask about = {planet}
c because i love the night sky
r {planet} is {planet.fact}

en which day comes after {weekday} | what day comes after {weekday} | tell me the day after {weekday}
de welcher Tag kommt nach {weekday}
es qué día viene después {weekday.of}
fr quel jour vient après {weekday}
q which day is mentioned = {weekday}
f time = {weekday}
c and which day comes before it
r after {weekday} comes {weekday.next}

en which day comes before {weekday} | what day comes before {weekday} | tell me the day before {weekday}
de welcher Tag kommt vor {weekday}
es qué día viene antes {weekday.of}
fr quel jour vient avant {weekday}
q which day is mentioned = {weekday}
f time = {weekday}
c and which day comes after it
r before {weekday} comes {weekday.last}

en which month comes after {monthly} | what month comes after {monthly} | tell me the month after {monthly}
de welcher Monat kommt nach {monthly}
es qué mes viene después de {monthly}
fr quel mois vient après {monthly}
q which month is mentioned = {monthly}
f time = {monthly}
c and how many days does it have
r after {monthly} comes {monthly.next}

en how many days does {monthly} have | tell me how many days {monthly} has
de wie viele Tage hat der Monat {monthly}
es cuántos días tiene {monthly}
fr combien de jours y a-t-il en {monthly}
q which month is mentioned = {monthly}
q what is the answer = {monthly.days}
f time = {monthly}
c because i want to plan my holidays
r {monthly} has {monthly.days} days

en what does a {work} do | tell me what a {work} does | explain what a {work} does
de was macht ein {work}
es qué hace un {work}
fr que fait un {work}
q which job is asked about = {work}
c because i want to become one
r a {work} {work.does}

en how do you spell {word} | spell the word {word} | how is the word {word} spelled
de wie schreibt man das englische Wort {word}
es cómo se escribe la palabra inglesa {word}
fr comment écrit-on le mot anglais {word}
q which word should be spelled = {word}
c because i always get it wrong
r {word} is spelled {word.letters}

en what does {word} mean | explain the word {word} to me | what is the meaning of {word}
de was bedeutet das englische Wort {word}
es qué significa la palabra inglesa {word}
fr que signifie le mot anglais {word}
q which word should be explained = {word}
c because i read it in a book
r here is the meaning of {word}

en how many letters does {word} have | count the letters in {word} for me | how many letters are in the word {word}
de wie viele Buchstaben hat das englische Wort {word}
es cuántas letras tiene la palabra inglesa {word}
fr combien de lettres a le mot anglais {word}
q which word is asked about = {word}
q how many letters are there = {word.count}
c and which letter comes first
r {word} has {word.count} letters
";
