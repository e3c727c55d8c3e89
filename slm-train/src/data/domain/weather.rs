//! The weather.

/// The lexicons of the weather.
pub(super) const LEXICON: &str = r"
@verb_weather
rain; regnen; llover; pleuvoir
snow; schneien; nevar; neiger
hail; hageln; granizar; grêler
thunder; donnern; tronar; tonner
freeze; frieren; helar; geler
drizzle; nieseln; lloviznar; bruiner
storm; stürmen; haber tormenta; y avoir une tempête

@weather_adj
sunny; sonnig; soleado; ensoleillé
cloudy; bewölkt; nublado; nuageux
windy; windig; ventoso; venteux
rainy; regnerisch; lluvioso; pluvieux
stormy; stürmisch; tormentoso; orageux
dry; trocken; seco; sec
humid; feucht; húmedo; humide
mild; mild; templado; doux
grey; grau; gris; gris
misty; dunstig; brumoso; brumeux
gloomy; trüb; sombrío; sombre

@clothes need
umbrella|an umbrella; Regenschirm|einen Regenschirm; paraguas|un paraguas; parapluie|un parapluie
jacket|a jacket; Jacke|eine Jacke; chaqueta|una chaqueta; veste|une veste
scarf|a scarf; Schal|einen Schal; bufanda|una bufanda; écharpe|une écharpe
hat|a hat; Hut|einen Hut; sombrero|un sombrero; chapeau|un chapeau
raincoat|a raincoat; Regenmantel|einen Regenmantel; impermeable|un impermeable; imperméable|un imperméable
sweater|a sweater; Pullover|einen Pullover; suéter|un suéter; pull|un pull
winter coat|a winter coat; Wintermantel|einen Wintermantel; abrigo|un abrigo de invierno; manteau|un manteau d'hiver
cap|a cap; Mütze|eine Mütze; gorra|una gorra; casquette|une casquette

@boots
gloves; Handschuhe; guantes; des gants
boots; Stiefel; botas; des bottes
sunglasses; eine Sonnenbrille; gafas de sol; des lunettes de soleil
rubber boots; Gummistiefel; botas de goma; des bottes en caoutchouc
warm socks; warme Socken; calcetines gruesos; des chaussettes chaudes
sandals; Sandalen; sandalias; des sandales

@outdoor
go swimming; schwimmen gehen; ir a nadar; aller nager
go hiking; wandern gehen; ir de excursión; faire une randonnée
have a picnic; ein Picknick machen; hacer un picnic; faire un pique-nique
ride my bike; Fahrrad fahren; montar en bicicleta; faire du vélo
play tennis; Tennis spielen; jugar al tenis; jouer au tennis
play golf; Golf spielen; jugar al golf; jouer au golf
go sailing; segeln gehen; ir a navegar; faire de la voile
go skiing; Ski fahren gehen; ir a esquiar; aller skier
have a barbecue; grillen; hacer una barbacoa; faire un barbecue
go jogging; joggen gehen; salir a correr; faire un jogging
go fishing; angeln gehen; ir a pescar; aller pêcher
go camping; zelten gehen; ir de acampada; faire du camping
paint the fence; den Zaun streichen; pintar la valla; peindre la clôture
wash the car; das Auto waschen; lavar el coche; laver la voiture
plant tomatoes; Tomaten pflanzen; plantar tomates; planter des tomates
";

/// The sentences about the weather.
pub(super) const TEMPLATES: &str = r"
en what is the weather in {city} {when} | how is the weather in {city} {when} | tell me the weather in {city} {when}
de wie ist das Wetter in {city} {when}
es qué tiempo hace en {city} {when}
fr quel temps fait-il à {city} {when}
q which city is asked about = {city}
q for when is the forecast = {when}
f place = {city}
f time = {when}
c because i am travelling there
r here is the weather in {city} {when}

en will it {verb_weather} in {city} {when} | is it going to {verb_weather} in {city} {when}
de wird es {when} in {city} {verb_weather}
es va a {verb_weather} en {city} {when}
fr va-t-il {verb_weather} à {city} {when}
q where could it {verb_weather} = in {city}
q when could it {verb_weather} = {when}
f place = {city}
f time = {when}
c or can we stay outside
r let me see if it will {verb_weather} in {city} {when}

en do i need {clothes.need} {when} | should i take {clothes.need} {when} | will i need {clothes.need} {when}
de brauche ich {when} {clothes.need}
es necesito {clothes.need} {when}
fr est-ce que j'ai besoin de prendre {clothes.need} {when}
q what does the speaker ask about = {clothes.need}
q when might it be needed = {when}
f time = {when}
c because the sky looks strange
r you may need {clothes.need} {when}

en is it {weather_adj} in {city} right now | how {weather_adj} is it in {city} right now | tell me if it is {weather_adj} in {city} right now
de ist es in {city} gerade {weather_adj}
es está {weather_adj} en {city} ahora mismo
fr le temps est-il {weather_adj} à {city} en ce moment
q which city is asked about = {city}
q which weather is asked about = {weather_adj}
f place = {city}
c because the pictures looked {weather_adj}
r i will check if it is {weather_adj} in {city}

en how warm will it be in {city} {when} | how hot will it get in {city} {when} | what will the temperature be in {city} {when}
de wie warm wird es {when} in {city}
es qué temperatura hará en {city} {when}
fr quelle température fera-t-il à {city} {when}
q which city is asked about = {city}
q which day is meant = {when}
f place = {city}
f time = {when}
c and how cold will it be at night
r here is the temperature for {city} {when}

en can i {outdoor} {when} | is the weather good enough to {outdoor} {when} | is the weather fine to {outdoor} {when}
de kann ich bei dem Wetter {when} {outdoor}
es puedo {outdoor} {when} con este tiempo
fr est-ce que je peux {outdoor} {when} avec ce temps
q what does the speaker want to do = {outdoor}
q when does the speaker want to do it = {when}
f time = {when}
c or would it be better to wait
r let me see if you can {outdoor} {when}

en it is very {weather_adj} today in {city} | the weather is very {weather_adj} today in {city}
de heute ist es in {city} sehr {weather_adj}
es hoy está muy {weather_adj} en {city}
fr aujourd'hui le temps est très {weather_adj} à {city}
q how is the weather = very {weather_adj}
q where is it {weather_adj} = in {city}
f place = {city}
f time = today
c so we will stay at home
r i hope you like {weather_adj} days

en it is {degrees} degrees in {city} {when} | the forecast says {degrees} degrees in {city} {when}
de in {city} sind es {when} {degrees} Grad
es en {city} hay {degrees} grados {when}
fr à {city} il y a {degrees} degrés {when}
q what is the temperature = {degrees} degrees
q which city is it = {city}
f place = {city}
f time = {when}
c so we can sit outside
r {degrees} degrees sounds pleasant

en is it colder in {city} or in {city2} | which is colder {city} or {city2}
de ist es in {city} oder in {city2} kälter
es hace más frío en {city} o en {city2}
fr fait-il plus froid à {city} ou à {city2}
q which city is mentioned first = {city}
q which city is mentioned last = {city2}
f place = {city}
f place = {city2}
c because i want to pack the right clothes
r i will compare {city} and {city2}

en when does the sun rise in {city} {day.on} | when is sunrise in {city} {day.on}
de wann geht {day.on} in {city} die Sonne auf
es a qué hora sale el sol en {city} {day.on}
fr à quelle heure se lève le soleil à {city} {day.on}
q where is the sunrise = in {city}
q on which day = {day.on}
f place = {city}
f time = {day.on}
c because i want to take a photo
r here is the sunrise time for {city}

en when does the sun set in {city} {day.on} | when is sunset in {city} {day.on}
de wann geht {day.on} in {city} die Sonne unter
es a qué hora se pone el sol en {city} {day.on}
fr à quelle heure se couche le soleil à {city} {day.on}
q where is the sunset = in {city}
q on which day = {day.on}
f place = {city}
f time = {day.on}
c because i love the evening light
r here is the sunset time for {city}

en will i need {boots} in {city} {when} | should i pack {boots} for {city} {when} | shall i bring {boots} to {city} {when}
de brauche ich {when} in {city} {boots}
es necesito {boots} en {city} {when}
fr est-ce que je dois prendre {boots} pour {city} {when}
q what might be needed = {boots}
q which city is it = {city}
f place = {city}
f time = {when}
c because my bag is almost full
r i would take {boots} to {city}

en {name} says it will {verb_weather} {when} | {name} thinks it will {verb_weather} {when}
de {name} meint es wird {when} {verb_weather}
es {name} dice que va a {verb_weather} {when}
fr {name} pense qu'il va {verb_weather} {when}
q who talks about the weather = {name}
q when will it {verb_weather} = {when}
f name = {name}
f time = {when}
c and {name} is usually right
r {name} may be right about that
";
