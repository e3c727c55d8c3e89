//! Small talk.

/// The lexicons of small talk.
pub(super) const LEXICON: &str = r"
@hobby
reading; Lesen; leer; lire
cooking; Kochen; cocinar; cuisiner
dancing; Tanzen; bailar; danser
swimming; Schwimmen; nadar; nager
painting; Malen; pintar; peindre
singing; Singen; cantar; chanter
travelling; Reisen; viajar; voyager
gardening; Gärtnern; cuidar el jardín; jardiner
knitting; Stricken; tejer; tricoter
hiking; Wandern; hacer senderismo; faire de la randonnée
cycling; Radfahren; montar en bicicleta; faire du vélo
fishing; Angeln; pescar; pêcher
baking; Backen; hacer pasteles; faire de la pâtisserie
skating; Schlittschuhlaufen; patinar; patiner
climbing; Klettern; escalar; faire de l'escalade
writing; Schreiben; escribir; écrire
drawing; Zeichnen; dibujar; dessiner
running; Laufen; correr; courir
surfing; Surfen; hacer surf; faire du surf
camping; Zelten; acampar; camper
juggling; Jonglieren; hacer malabares; jongler
sewing; Nähen; coser; coudre
sculpting; Bildhauen; esculpir; sculpter

@food some
pizza|pizza; Pizza; la pizza|pizza; la pizza|de la pizza
spaghetti|spaghetti; Spaghetti; los espaguetis|espaguetis; les spaghettis|des spaghettis
sushi|sushi; Sushi; el sushi|sushi; les sushis|des sushis
pancakes|pancakes; Pfannkuchen; las tortitas|tortitas; les crêpes|des crêpes
curry|curry; Curry; el curry|curry; le curry|du curry
hamburgers|hamburgers; Hamburger; las hamburguesas|hamburguesas; les hamburgers|des hamburgers
noodles|noodles; Nudeln; los fideos|fideos; les nouilles|des nouilles
salad|salad; Salat; la ensalada|ensalada; la salade|de la salade
tacos|tacos; Tacos; los tacos|tacos; les tacos|des tacos
apple pie|apple pie; Apfelkuchen; la tarta de manzana|tarta de manzana; la tarte aux pommes|de la tarte aux pommes
fried potatoes|fried potatoes; Bratkartoffeln; las patatas fritas|patatas fritas; les pommes de terre sautées|des pommes de terre sautées
vegetable soup|vegetable soup; Gemüsesuppe; la sopa de verduras|sopa de verduras; la soupe de légumes|de la soupe de légumes
grilled fish|grilled fish; gegrillten Fisch; el pescado a la parrilla|pescado a la parrilla; le poisson grillé|du poisson grillé
roast chicken|roast chicken; Brathähnchen; el pollo asado|pollo asado; le poulet rôti|du poulet rôti
dumplings|dumplings; Klöße; las empanadillas|empanadillas; les raviolis|des raviolis
waffles|waffles; Waffeln; los gofres|gofres; les gaufres|des gaufres
cheesecake|cheesecake; Käsekuchen; la tarta de queso|tarta de queso; le gâteau au fromage|du gâteau au fromage
sandwiches|sandwiches; Sandwiches; los bocadillos|bocadillos; les sandwichs|des sandwichs
muffins|muffins; Muffins; las magdalenas|magdalenas; les muffins|des muffins
lentils|lentils; Linsen; las lentejas|lentejas; les lentilles|des lentilles
pudding|pudding; Pudding; el pudín|pudín; le pudding|du pudding

@animal a
dog|a dog; Hund|einen Hund; perro|un perro; chien|un chien
cat|a cat; Katze|eine Katze; gato|un gato; chat|un chat
rabbit|a rabbit; Kaninchen|ein Kaninchen; conejo|un conejo; lapin|un lapin
hamster|a hamster; Hamster|einen Hamster; hámster|un hámster; hamster|un hamster
parrot|a parrot; Papagei|einen Papagei; loro|un loro; perroquet|un perroquet
turtle|a turtle; Schildkröte|eine Schildkröte; tortuga|una tortuga; tortue|une tortue
goldfish|a goldfish; Goldfisch|einen Goldfisch; pez dorado|un pez dorado; poisson rouge|un poisson rouge
pony|a pony; Pony|ein Pony; poni|un poni; poney|un poney
lizard|a lizard; Eidechse|eine Eidechse; lagarto|un lagarto; lézard|un lézard
squirrel|a squirrel; Eichhörnchen|ein Eichhörnchen; ardilla|una ardilla; écureuil|un écureuil
hedgehog|a hedgehog; Igel|einen Igel; erizo|un erizo; hérisson|un hérisson
goat|a goat; Ziege|eine Ziege; cabra|una cabra; chèvre|une chèvre
peacock|a peacock; Pfau|einen Pfau; pavo real|un pavo real; paon|un paon
canary|a canary; Kanarienvogel|einen Kanarienvogel; canario|un canario; canari|un canari
monkey|a monkey; Affen|einen Affen; mono|un mono; singe|un singe
dolphin|a dolphin; Delfin|einen Delfin; delfín|un delfín; dauphin|un dauphin
fox|a fox; Fuchs|einen Fuchs; zorro|un zorro; renard|un renard
crocodile|a crocodile; Krokodil|ein Krokodil; cocodrilo|un cocodrilo; crocodile|un crocodile

@instrument
piano; Klavier; el piano; du piano
guitar; Gitarre; la guitarra; de la guitare
violin; Geige; el violín; du violon
flute; Flöte; la flauta; de la flûte
trumpet; Trompete; la trompeta; de la trompette
drums; Schlagzeug; la batería; de la batterie
cello; Cello; el violonchelo; du violoncelle
saxophone; Saxofon; el saxofón; du saxophone
harp; Harfe; el arpa; de la harpe
clarinet; Klarinette; el clarinete; de la clarinette
accordion; Akkordeon; el acordeón; de l'accordéon
banjo; Banjo; el banjo; du banjo
organ; Orgel; el órgano; de l'orgue

@sport
football; Fußball; el fútbol; le football
tennis; Tennis; el tenis; le tennis
basketball; Basketball; el baloncesto; le basket
volleyball; Volleyball; el voleibol; le volley
rugby; Rugby; el rugby; le rugby
hockey; Hockey; el hockey; le hockey
golf; Golf; el golf; le golf
cricket; Cricket; el críquet; le cricket
boxing; Boxen; el boxeo; la boxe
baseball; Baseball; el béisbol; le baseball
badminton; Badminton; el bádminton; le badminton
chess; Schach; el ajedrez; les échecs
judo; Judo; el judo; le judo
gymnastics; Turnen; la gimnasia; la gymnastique
archery; Bogenschießen; el tiro con arco; le tir à l'arc

@topic
a joke; einen Witz; un chiste; une blague
a story; eine Geschichte; un cuento; une histoire
a riddle; ein Rätsel; una adivinanza; une devinette
a fairy tale; ein Märchen; un cuento de hadas; un conte de fées
a fable; eine Fabel; una fábula; une fable
a secret; ein Geheimnis; un secreto; un secret
a legend; eine Legende; una leyenda; une légende
an anecdote; eine Anekdote; una anécdota; une anecdote

@about
pirates; Piraten; piratas; des pirates
dragons; Drachen; dragones; des dragons
ghosts; Gespenster; fantasmas; des fantômes
cats; Katzen; gatos; des chats
robots; Roboter; robots; des robots
elephants; Elefanten; elefantes; des éléphants
teachers; Lehrer; profesores; des professeurs
doctors; Ärzte; médicos; des médecins
witches; Hexen; brujas; des sorcières
knights; Ritter; caballeros; des chevaliers
princesses; Prinzessinnen; princesas; des princesses
dinosaurs; Dinosaurier; dinosaurios; des dinosaures
astronauts; Astronauten; astronautas; des astronautes
monsters; Monster; monstruos; des monstres
vampires; Vampire; vampiros; des vampires
wizards; Zauberer; magos; des magiciens
giants; Riesen; gigantes; des géants
detectives; Detektive; detectives; des détectives
penguins; Pinguine; pingüinos; des pingouins
thieves; Diebe; ladrones; des voleurs
mermaids; Meerjungfrauen; sirenas; des sirènes
camels; Kamele; camellos; des chameaux

@job a
engineer|an engineer; Ingenieur; ingeniero; ingénieur
nurse|a nurse; Krankenpfleger; enfermero; infirmier
chef|a chef; Koch; cocinero; cuisinier
architect|an architect; Architekt; arquitecto; architecte
scientist|a scientist; Wissenschaftler; científico; scientifique
journalist|a journalist; Journalist; periodista; journaliste
musician|a musician; Musiker; músico; musicien
actor|an actor; Schauspieler; actor; acteur
photographer|a photographer; Fotograf; fotógrafo; photographe
electrician|an electrician; Elektriker; electricista; électricien
librarian|a librarian; Bibliothekar; bibliotecario; bibliothécaire
translator|a translator; Übersetzer; traductor; traducteur
programmer|a programmer; Programmierer; programador; programmeur
policeman|a policeman; Polizist; policía; policier
waiter|a waiter; Kellner; camarero; serveur
salesman|a salesman; Verkäufer; vendedor; vendeur
dancer|a dancer; Tänzer; bailarín; danseur
magician|a magician; Zauberer; mago; magicien

@workplace
in a school; in einer Schule; en una escuela; dans une école
at a bank; bei einer Bank; en un banco; dans une banque
at a hospital; in einem Krankenhaus; en un hospital; dans un hôpital
at a restaurant; in einem Restaurant; en un restaurante; dans un restaurant
at a museum; in einem Museum; en un museo; dans un musée
at a theatre; an einem Theater; en un teatro; dans un théâtre
at a university; an einer Universität; en una universidad; dans une université
at a hotel; in einem Hotel; en un hotel; dans un hôtel
in a factory; in einer Fabrik; en una fábrica; dans une usine
at a zoo; in einem Zoo; en un zoológico; dans un zoo
in a bookshop; in einem Buchladen; en una librería; dans une librairie
at a newspaper; bei einer Zeitung; en un periódico; dans un journal
in a laboratory; in einem Labor; en un laboratorio; dans un laboratoire
at a travel agency; in einem Reisebüro; en una agencia de viajes; dans une agence de voyages
in a flower shop; in einem Blumenladen; en una floristería; chez un fleuriste

@praise
wonderful; wunderbar; maravilloso; merveilleux
boring; langweilig; aburrido; ennuyeux
funny; lustig; divertido; drôle
fantastic; fantastisch; fantástico; fantastique
disappointing; enttäuschend; decepcionante; décevant
exciting; spannend; emocionante; passionnant
confusing; verwirrend; confuso; déroutant
ridiculous; lächerlich; ridículo; ridicule
touching; rührend; conmovedor; touchant
scary; gruselig; aterrador; effrayant
clever; klug; inteligente; intelligent
charming; bezaubernd; encantador; charmant
mysterious; geheimnisvoll; misterioso; mystérieux
";

/// The sentences of small talk.
pub(super) const TEMPLATES: &str = r"
en hello my name is {name} | hi my name is {name} | good morning my name is {name} | hello there i am called {name}
de hallo ich heiße {name}
es hola me llamo {name}
fr bonjour je m'appelle {name}
q what is the name of the speaker = {name}
f name = {name}
c and i am happy to meet you
r hello {name} nice to meet you

en do you know my friend {name} from {city} | have you met my friend {name} from {city}
de kennst du {name} aus {city}
es conoces a {name} de {city}
fr connais-tu {name} qui vient de {city}
q who is the friend = {name}
q where does the friend come from = {city}
f name = {name}
f place = {city}
c we went to school together
r i do not know {name} from {city} yet

en {name} lives in {city} and likes {hobby} | {name} from {city} likes {hobby}
de {name} lebt in {city} und mag {hobby}
es a {name} de {city} le gusta {hobby}
fr {name} habite à {city} et aime {hobby}
q where does {name} live = in {city}
q what does {name} like = {hobby}
f name = {name}
f place = {city}
c and i like it too
r {hobby} is a nice hobby

en do you like {hobby} or {hobby2} | do you prefer {hobby} or {hobby2} | what is more fun {hobby} or {hobby2}
de magst du lieber {hobby} oder {hobby2}
es prefieres {hobby} o {hobby2}
fr préfères-tu {hobby} ou {hobby2}
q which hobby is mentioned first = {hobby}
q which hobby is mentioned last = {hobby2}
c because i enjoy both of them
r i think {hobby} is more fun

en my favourite food is {food} with {mass} | i love {food} with {mass} | nothing is better than {food} with {mass}
de ich esse am liebsten {food} mit {mass}
es lo que más me gusta comer es {food} con {mass}
fr j'adore {food} avec {mass}
q what does the speaker like to eat = {food} with {mass}
c and i could eat it every day
r {food} with {mass} sounds delicious

en shall we have {food} {when} | let us eat {food} {when} | i want to eat {food} {when}
de ich möchte {when} {food} essen
es quiero comer {food.some} {when}
fr je veux manger {food.some} {when}
q what does the speaker want to eat = {food}
q when is the meal = {when}
f time = {when}
c because it is my favourite meal
r {food} {when} is a good idea

en i have {animal.a} called {name} | my {animal} is called {name} | the name of my {animal} is {name}
de ich habe {animal.a} namens {name}
es tengo {animal.a} que se llama {name}
fr j'ai {animal.a} qui s'appelle {name}
q what is the name of the {animal} = {name}
q which animal does the speaker have = {animal.a}
f name = {name}
c and we play together every day
r {name} is a lovely name for {animal.a}

en tell me {topic} about {about} | i want to hear {topic} about {about} | do you know {topic} about {about}
de erzähl mir {topic} über {about}
es cuéntame {topic} sobre {about}
fr raconte-moi {topic} sur {about}
q what does the speaker want to hear = {topic}
q what is it about = {about}
c and make it a short one
r okay here is {topic} about {about}

en i am learning to play the {instrument} | i started to play the {instrument} | i want to play the {instrument}
de ich lerne {instrument} spielen
es estoy aprendiendo a tocar {instrument}
fr j'apprends à jouer {instrument}
q which instrument is it = the {instrument}
c but it is harder than i thought
r the {instrument} is a beautiful instrument

en {name} plays the {instrument} {room.in} | {name} is playing the {instrument} {room.in}
de {name} spielt {room.in} {instrument}
es {name} toca {instrument} {room.in}
fr {name} joue {instrument} {room.in}
q who plays the {instrument} = {name}
q where is {name} = {room.in}
f name = {name}
f place = {room}
c and the neighbours can hear it
r {name} must like the {instrument}

en what is better {sport} or {sport2} | do you prefer {sport} or {sport2}
de was ist besser {sport} oder {sport2}
es qué es mejor {sport} o {sport2}
fr qu'est-ce qui est mieux {sport} ou {sport2}
q which sport is mentioned first = {sport}
q which sport is mentioned last = {sport2}
c because i want to try something new
r i would rather try {sport2}

en are you a robot or {job.a} | are you {job.a} or a robot
de bist du ein Roboter oder ein {job}
es eres un robot o un {job}
fr es-tu un robot ou un {job}
q which job is mentioned = {job}
c because you sound very friendly
r i am an assistant and not {job.a}

en {name} works {workplace} in {city} | {name} has a job {workplace} in {city}
de {name} arbeitet in {city} {workplace}
es {name} trabaja {workplace} en {city}
fr {name} travaille {workplace} à {city}
q who works in {city} = {name}
q where does {name} work = {workplace}
f name = {name}
f place = {city}
c and earns quite a lot
r working {workplace} in {city} sounds interesting

en the film about {about} was {praise} | that film about {about} was really {praise} | i think the film about {about} was {praise}
de der Film über {about} war {praise}
es el filme sobre {about} fue {praise}
fr le film sur {about} était {praise}
q what was the film about = {about}
q how was the film = {praise}
c and it was rather long
r i have not seen a film about {about}

en i want to become {job.a} one day | i would like to become {job.a} | my dream is to become {job.a}
de ich will {job} werden
es quiero ser {job}
fr je veux devenir {job}
q what does the speaker want to become = {job.a}
c so i have to study hard
r you would be {job.a} to remember

en did you know that {name} works {workplace} | is it true that {name} works {workplace}
de stimmt es dass {name} {workplace} arbeitet
es es verdad que {name} trabaja {workplace}
fr est-il vrai que {name} travaille {workplace}
q whose job is asked about = {name}
q where might {name} work = {workplace}
f name = {name}
c because nobody told me about it
r yes i heard that {name} works {workplace}

en i saw {animal.a} {room.in} today | there was {animal.a} {room.in} today | i found {animal.a} {room.in} today
de ich habe heute {room.in} {animal.a} gesehen
es hoy he visto {animal.a} {room.in}
fr aujourd'hui j'ai vu {animal.a} {room.in}
q which animal was there = {animal.a}
q where was the {animal} = {room.in}
f place = {room}
f time = today
c and i took a picture of it
r {animal.a} {room.in} is quite a surprise
";
