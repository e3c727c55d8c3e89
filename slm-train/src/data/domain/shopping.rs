//! Shopping lists.

/// The lexicons of shopping; in French a mass noun carries its article.
pub(super) const LEXICON: &str = r"
@mass the
milk|milk; Milch; leche; du lait|le lait
butter|butter; Butter; mantequilla; du beurre|le beurre
bread|bread; Brot; pan; du pain|le pain
cheese|cheese; Käse; queso; du fromage|le fromage
rice|rice; Reis; arroz; du riz|le riz
sugar|sugar; Zucker; azúcar; du sucre|le sucre
salt|salt; Salz; sal; du sel|le sel
pepper|pepper; Pfeffer; pimienta; du poivre|le poivre
flour|flour; Mehl; harina; de la farine|la farine
coffee|coffee; Kaffee; café; du café|le café
honey|honey; Honig; miel; du miel|le miel
yogurt|yogurt; Joghurt; yogur; du yaourt|le yaourt
olive oil|olive oil; Olivenöl; aceite de oliva; de l'huile d'olive|l'huile d'olive
vinegar|vinegar; Essig; vinagre; du vinaigre|le vinaigre
mustard|mustard; Senf; mostaza; de la moutarde|la moutarde
orange juice|orange juice; Orangensaft; zumo de naranja; du jus d'orange|le jus d'orange
mineral water|mineral water; Mineralwasser; agua mineral; de l'eau minérale|l'eau minérale
chocolate|chocolate; Schokolade; chocolate; du chocolat|le chocolat
ham|ham; Schinken; jamón; du jambon|le jambon
beef|beef; Rindfleisch; carne de vaca; du bœuf|le bœuf
salmon|salmon; Lachs; salmón; du saumon|le saumon
tuna|tuna; Thunfisch; atún; du thon|le thon
garlic|garlic; Knoblauch; ajo; de l'ail|l'ail
spinach|spinach; Spinat; espinacas; des épinards|les épinards
lettuce|lettuce; Salat; lechuga; de la salade|la salade
cream|cream; Sahne; nata; de la crème|la crème
jam|jam; Marmelade; mermelada; de la confiture|la confiture
toothpaste|toothpaste; Zahnpasta; pasta de dientes; du dentifrice|le dentifrice
shampoo|shampoo; Shampoo; champú; du shampoing|le shampoing
soap|soap; Seife; jabón; du savon|le savon
toilet paper|toilet paper; Toilettenpapier; papel higiénico; du papier toilette|le papier toilette
washing powder|washing powder; Waschpulver; detergente; de la lessive|la lessive
cinnamon|cinnamon; Zimt; canela; de la cannelle|la cannelle
cereal|cereal; Müsli; cereales; des céréales|les céréales
popcorn|popcorn; Popcorn; palomitas; du popcorn|le popcorn
ice cream|ice cream; Eis; helado; de la glace|la glace
lemonade|lemonade; Limonade; limonada; de la limonade|la limonade
ginger|ginger; Ingwer; jengibre; du gingembre|le gingembre
parsley|parsley; Petersilie; perejil; du persil|le persil
dog food|dog food; Hundefutter; comida para perros; de la nourriture pour chien|la nourriture pour chien
broccoli|broccoli; Brokkoli; brócoli; du brocoli|le brocoli
celery|celery; Sellerie; apio; du céleri|le céleri
turkey|turkey; Putenfleisch; pavo; de la dinde|la dinde
bacon|bacon; Speck; tocino; du lard|le lard
cabbage|cabbage; Kohl; col; du chou|le chou
basil|basil; Basilikum; albahaca; du basilic|le basilic

@count
apples; Äpfel; manzanas; pommes
bananas; Bananen; plátanos; bananes
oranges; Orangen; naranjas; oranges
lemons; Zitronen; limones; citrons
pears; Birnen; peras; poires
peaches; Pfirsiche; melocotones; pêches
tomatoes; Tomaten; tomates; tomates
potatoes; Kartoffeln; patatas; pommes de terre
onions; Zwiebeln; cebollas; oignons
carrots; Karotten; zanahorias; carottes
cucumbers; Gurken; pepinos; concombres
mushrooms; Pilze; champiñones; champignons
eggs; Eier; huevos; œufs
sausages; Würste; salchichas; saucisses
candles; Kerzen; velas; bougies
batteries; Batterien; pilas; piles
envelopes; Umschläge; sobres; enveloppes
notebooks; Notizbücher; cuadernos; cahiers
pencils; Bleistifte; lápices; crayons
light bulbs; Glühbirnen; bombillas; ampoules
towels; Handtücher; toallas; serviettes
napkins; Servietten; servilletas; serviettes en papier
strawberries; Erdbeeren; fresas; fraises
cherries; Kirschen; cerezas; cerises
avocados; Avocados; aguacates; avocats
melons; Melonen; melones; melons
pineapples; Ananas; piñas; ananas
rolls; Brötchen; panecillos; petits pains
stamps; Briefmarken; sellos; timbres
balloons; Luftballons; globos; ballons
plates; Teller; platos; assiettes
cups; Tassen; tazas; tasses
forks; Gabeln; tenedores; fourchettes
spoons; Löffel; cucharas; cuillères
toothbrushes; Zahnbürsten; cepillos de dientes; brosses à dents
croissants; Croissants; cruasanes; croissants
plums; Pflaumen; ciruelas; prunes
walnuts; Walnüsse; nueces; noix
mangoes; Mangos; mangos; mangues
pumpkins; Kürbisse; calabazas; citrouilles
radishes; Radieschen; rábanos; radis

@shop at
bakery|at the bakery; Bäckerei|in der Bäckerei; panadería|en la panadería; boulangerie|à la boulangerie
supermarket|at the supermarket; Supermarkt|im Supermarkt; supermercado|en el supermercado; supermarché|au supermarché
market|at the market; Markt|auf dem Markt; mercado|en el mercado; marché|au marché
pharmacy|at the pharmacy; Apotheke|in der Apotheke; farmacia|en la farmacia; pharmacie|à la pharmacie
corner shop|at the corner shop; Laden an der Ecke|im Laden an der Ecke; tienda de la esquina|en la tienda de la esquina; magasin du coin|au magasin du coin
department store|at the department store; Kaufhaus|im Kaufhaus; gran almacén|en el gran almacén; grand magasin|au grand magasin
farm|at the farm; Bauernhof|auf dem Bauernhof; granja|en la granja; ferme|à la ferme
mall|at the mall; Einkaufszentrum|im Einkaufszentrum; centro comercial|en el centro comercial; centre commercial|au centre commercial
station|at the station; Bahnhof|am Bahnhof; estación|en la estación; gare|à la gare
airport|at the airport; Flughafen|am Flughafen; aeropuerto|en el aeropuerto; aéroport|à l'aéroport
";

/// The sentences about shopping.
pub(super) const TEMPLATES: &str = r"
en add {mass} to the shopping list | put {mass} on the shopping list | please add {mass} to my shopping list
de setze {mass} auf die Einkaufsliste
es añade {mass} a la lista de la compra
fr ajoute {mass} à la liste de courses
q what should be added = {mass}
q which list is meant = the shopping list
c because we have no {mass} left
r okay {mass} is on the shopping list

en add {few} {count} to the shopping list | put {few} {count} on the list | write {few} {count} on the shopping list
de setze {few} {count} auf die Einkaufsliste
es añade {few} {count} a la lista de la compra
fr ajoute {few} {count} à la liste de courses
q how many {count} are needed = {few}
q what should be added = {few} {count}
c and make sure they are good
r okay {few} {count} are on the list

en we need {mass} and {count} | i need {mass} and some {count} | please buy {mass} and {count}
de wir brauchen {mass} und {count}
es necesitamos {mass} y {count}
fr il nous faut {mass} et des {count}
q which things are needed = {mass} and {count}
c and that is all for now
r i added {mass} and {count}

en remove {mass} from the list | take {mass} off the shopping list | delete {mass} from the shopping list
de streiche {mass} von der Einkaufsliste
es quita {mass} de la lista de la compra
fr enlève {mass.the} de la liste de courses
q what should be removed = {mass}
c because i found some at home
r okay {mass} is off the list

en are {count} on the shopping list | do we still need {count} | did i put {count} on the list
de stehen {count} auf der Einkaufsliste
es hay {count} en la lista de la compra
fr est-ce qu'il y a des {count} sur la liste de courses
q what is asked about = {count}
c because i want to make a salad
r let me look for {count} on the list

en buy {mass} {shop.at} {when} | get {mass} {shop.at} {when} | i have to buy {mass} {shop.at} {when}
de kaufe {when} {shop.at} {mass}
es compra {mass} {shop.at} {when}
fr achète {mass} {shop.at} {when}
q what should be bought = {mass}
q where should it be bought = {shop.at}
q when should it be bought = {when}
f place = {shop}
f time = {when}
c and do not forget the bag
r i noted {mass} {shop.at} {when}

en order {few} {count} for {day} | please order {few} {count} for {day}
de bestelle {few} {count} für {day}
es pide {few} {count} para {day}
fr commande {few} {count} pour {day}
q how many {count} are ordered = {few}
q for which day are they = {day}
f time = {day}
c because we expect some guests
r i ordered {few} {count} for {day}

en how much do {few} {count} cost {shop.at} | what do {few} {count} cost {shop.at} | what is the price of {few} {count} {shop.at}
de wie viel kosten {few} {count} {shop.at}
es cuánto cuestan {few} {count} {shop.at}
fr combien coûtent {few} {count} {shop.at}
q where is the price asked for = {shop.at}
q what should be bought = {few} {count}
f place = {shop}
c because last week they were cheap
r i do not know the price of {count} {shop.at}

en {name} wants {few} {count} and {mass} | {name} needs {few} {count} and {mass} | buy {few} {count} and {mass} for {name}
de {name} braucht {few} {count} und {mass}
es {name} necesita {few} {count} y {mass}
fr {name} a besoin d'acheter {few} {count} et {mass}
q who needs these things = {name}
q how many {count} are needed = {few}
f name = {name}
c and {name} will pay me back
r i noted that for {name}

en where can i buy {mass} in {city} | where do they sell {mass} in {city} | where is good {mass} sold in {city}
de wo kann ich in {city} {mass} kaufen
es dónde puedo comprar {mass} en {city}
fr où est-ce que je peux acheter {mass} à {city}
q what does the speaker want to buy = {mass}
q in which city is the speaker = {city}
f place = {city}
c because i could not find any
r i am looking for {mass} in {city}

en i forgot to buy {mass} {shop.at} | i have forgotten to buy {mass} {shop.at}
de ich habe vergessen {shop.at} {mass} zu kaufen
es he olvidado comprar {mass} {shop.at}
fr j'ai oublié d'acheter {mass} {shop.at}
q what was forgotten = {mass}
q where was it forgotten = {shop.at}
f place = {shop}
c so i have to go back
r then add {mass} to the list again

en are there any {count} {room.in} | do we have {count} {room.in} | can you see any {count} {room.in}
de gibt es {room.in} noch {count}
es quedan {count} {room.in}
fr est-ce qu'il reste des {count} {room.in}
q what is the speaker looking for = {count}
q where might they be = {room.in}
f place = {room}
c or do i have to buy new ones
r i cannot see any {count} {room.in}

en i would like {few} {count} please | can i have {few} {count} please | give me {few} {count} please
de ich hätte gern {few} {count} bitte
es quisiera {few} {count} por favor
fr je voudrais {few} {count} s'il vous plaît
q how many {count} does the speaker want = {few}
q what does the speaker want = {few} {count}
c and a paper bag as well
r here are your {few} {count}
";
