//! Meetings, appointments and plans.

/// The lexicons of the calendar.
pub(super) const LEXICON: &str = r"
@event a the
meeting|a meeting|the meeting; Besprechung|eine Besprechung|die Besprechung; reunión|una reunión|la reunión; réunion|une réunion|la réunion
lunch|a lunch|the lunch; Mittagessen|ein Mittagessen|das Mittagessen; almuerzo|un almuerzo|el almuerzo; déjeuner|un déjeuner|le déjeuner
dinner|a dinner|the dinner; Abendessen|ein Abendessen|das Abendessen; cena|una cena|la cena; dîner|un dîner|le dîner
interview|an interview|the interview; Vorstellungsgespräch|ein Vorstellungsgespräch|das Vorstellungsgespräch; entrevista|una entrevista|la entrevista; entretien|un entretien|l'entretien
workshop|a workshop|the workshop; Workshop|einen Workshop|den Workshop; taller|un taller|el taller; atelier|un atelier|l'atelier
video call|a video call|the video call; Videoanruf|einen Videoanruf|den Videoanruf; videollamada|una videollamada|la videollamada; appel vidéo|un appel vidéo|l'appel vidéo
lesson|a lesson|the lesson; Unterrichtsstunde|eine Unterrichtsstunde|die Unterrichtsstunde; clase|una clase|la clase; leçon|une leçon|la leçon
presentation|a presentation|the presentation; Präsentation|eine Präsentation|die Präsentation; presentación|una presentación|la presentación; présentation|une présentation|la présentation
party|a party|the party; Feier|eine Feier|die Feier; fiesta|una fiesta|la fiesta; fête|une fête|la fête
appointment|an appointment|the appointment; Termin|einen Termin|den Termin; cita|una cita|la cita; rendez-vous|un rendez-vous|le rendez-vous
breakfast|a breakfast|the breakfast; Frühstück|ein Frühstück|das Frühstück; desayuno|un desayuno|el desayuno; petit-déjeuner|un petit-déjeuner|le petit-déjeuner
training|a training|the training; Training|ein Training|das Training; entrenamiento|un entrenamiento|el entrenamiento; entraînement|un entraînement|l'entraînement
rehearsal|a rehearsal|the rehearsal; Probe|eine Probe|die Probe; ensayo|un ensayo|el ensayo; répétition|une répétition|la répétition
inspection|an inspection|the inspection; Besichtigung|eine Besichtigung|die Besichtigung; inspección|una inspección|la inspección; inspection|une inspection|l'inspection
conference|a conference|the conference; Konferenz|eine Konferenz|die Konferenz; conferencia|una conferencia|la conferencia; conférence|une conférence|la conférence
discussion|a discussion|the discussion; Diskussion|eine Diskussion|die Diskussion; discusión|una discusión|la discusión; discussion|une discussion|la discussion
seminar|a seminar|the seminar; Seminar|ein Seminar|das Seminar; seminario|un seminario|el seminario; séminaire|un séminaire|le séminaire
excursion|an excursion|the excursion; Ausflug|einen Ausflug|den Ausflug; excursión|una excursión|la excursión; excursion|une excursion|l'excursion

@subject
the budget; das Budget; el presupuesto; le budget
the new project; das neue Projekt; el nuevo proyecto; le nouveau projet
the holidays; den Urlaub; las vacaciones; les vacances
the website; die Webseite; la página web; le site web
the wedding; die Hochzeit; la boda; le mariage
the contract; den Vertrag; el contrato; le contrat
the strategy; die Strategie; la estrategia; la stratégie
the salary; das Gehalt; el salario; le salaire
the new customers; die neuen Kunden; los nuevos clientes; les nouveaux clients
the advertising campaign; die Werbekampagne; la campaña publicitaria; la campagne publicitaire
the exhibition; die Ausstellung; la exposición; l'exposition
the travel plans; die Reisepläne; los planes de viaje; les projets de voyage
the final exam; die Abschlussprüfung; el examen final; l'examen final
the sales figures; die Verkaufszahlen; las cifras de ventas; les chiffres de vente
the software update; das Softwareupdate; la actualización del programa; la mise à jour du logiciel

@month in
january|in january; Januar|im Januar; enero|en enero; janvier|en janvier
february|in february; Februar|im Februar; febrero|en febrero; février|en février
march|in march; März|im März; marzo|en marzo; mars|en mars
april|in april; April|im April; abril|en abril; avril|en avril
may|in may; Mai|im Mai; mayo|en mayo; mai|en mai
june|in june; Juni|im Juni; junio|en junio; juin|en juin
july|in july; Juli|im Juli; julio|en julio; juillet|en juillet
august|in august; August|im August; agosto|en agosto; août|en août
september|in september; September|im September; septiembre|en septiembre; septembre|en septembre
october|in october; Oktober|im Oktober; octubre|en octubre; octobre|en octobre
november|in november; November|im November; noviembre|en noviembre; novembre|en novembre
december|in december; Dezember|im Dezember; diciembre|en diciembre; décembre|en décembre
";

/// The sentences about the calendar.
pub(super) const TEMPLATES: &str = r"
en schedule {event.a} with {name} {day.on} | plan {event.a} with {name} {day.on} | i want {event.a} with {name} {day.on}
de plane {day.on} {event.a} mit {name}
es programa {event.a} con {name} para {day.on}
fr planifie {event.a} avec {name} {day.on}
q with whom is the {event} = {name}
q on which day is the {event} = {day}
f name = {name}
f time = {day}
c and invite {name} by email
r okay the {event} with {name} is {day.on}

en move the {event} with {name} to {day} | shift the {event} with {name} to {day} | reschedule the {event} with {name} to {day}
de verschiebe {event.the} mit {name} auf {day}
es cambia {event.the} con {name} para {day}
fr reporte {event.the} avec {name} à {day}
q which event should be moved = the {event} with {name}
q what is the new day = {day}
f name = {name}
f time = {day}
c because i am busy before
r the {event} with {name} is now {day.on}

en cancel the {event} with {name} | please cancel the {event} with {name} | call off the {event} with {name}
de sage {event.the} mit {name} ab
es cancela {event.the} con {name}
fr annule {event.the} avec {name}
q with whom is the {event} = {name}
q what should be cancelled = the {event}
f name = {name}
c and tell {name} that i am sorry
r the {event} with {name} is cancelled

en when is my {event} with {name} | at what time is my {event} with {name}
de wann habe ich {event.the} mit {name}
es cuándo tengo {event.the} con {name}
fr quand est-ce que j'ai {event.the} avec {name}
q which event is asked about = the {event} with {name}
f name = {name}
c because i do not want to miss it
r i am looking for the {event} with {name}

en what is on my calendar {when} | what are my plans {when} | do i have any meetings {when}
de was steht {when} in meinem Kalender
es qué tengo en mi calendario {when}
fr qu'est-ce que j'ai dans mon agenda {when}
q which day is asked about = {when}
f time = {when}
c and do i have any free time
r here is your calendar for {when}

en i have {event.a} {day.on} {time.at} | add {event.a} {day.on} {time.at} | put {event.a} in the calendar {day.on} {time.at}
de ich habe {day.on} {time.at} {event.a}
es tengo {event.a} {day.on} {time.at}
fr j'ai {event.a} {day.on} {time.at}
q which event is it = {event.a}
q at what time is the {event} = {time}
q on which day is the {event} = {day}
f time = {day.on} {time.at}
c so please keep that time free
r okay {event.a} {day.on} {time.at}

en i need {event.a} about {subject} {when} | plan {event.a} about {subject} {when}
de ich brauche {when} {event.a} über {subject}
es necesito {event.a} sobre {subject} {when}
fr j'ai besoin d'organiser {event.a} sur {subject} {when}
q what is the {event} about = {subject}
q when is the {event} = {when}
f time = {when}
c because there is a lot to discuss
r {event.a} about {subject} is planned {when}

en {name} is coming {room.in} {time.at} | {name} will be {room.in} {time.at} | i will meet {name} {room.in} {time.at}
de ich treffe {name} {time.at} {room.in}
es me encuentro con {name} {room.in} {time.at}
fr je retrouve {name} {room.in} {time.at}
q who will be there = {name}
q where is it = {room.in}
q at what time = {time}
f name = {name}
f place = {room}
f time = {time}
c so please remind me in time
r i noted {name} {room.in} {time.at}

en i am flying to {city} {day.on} | book a flight to {city} {day.on} | i need a flight to {city} {day.on}
de ich fliege {day.on} nach {city}
es vuelo a {city} {day.on}
fr je prends l'avion pour {city} {day.on}
q where does the speaker want to go = {city}
q on which day is the flight = {day}
f place = {city}
f time = {day}
c and i need a hotel as well
r i noted your flight to {city} {day.on}

en is {name} free {when} {time.at} | does {name} have time {when} {time.at}
de hat {name} {when} {time.at} Zeit
es tiene tiempo {name} {when} {time.at}
fr est-ce que {name} est libre {when} {time.at}
q who is asked about = {name}
q at what time = {time}
f name = {name}
f time = {when} {time.at}
c because i would like to talk to {name}
r let me see if {name} is free {when}

en when is the birthday of {name} | what day is the birthday of {name} | when does {name} have a birthday
de wann hat {name} Geburtstag
es cuándo es el cumpleaños de {name}
fr quand est l'anniversaire {name.de}
q whose birthday is asked about = {name}
f name = {name}
c because i need a present for {name}
r i am looking up the birthday of {name}

en we are moving to {city} {month.in} | we want to move to {city} {month.in}
de wir wollen {month.in} nach {city} ziehen
es queremos mudarnos a {city} {month.in}
fr nous voulons déménager à {city} {month.in}
q where do they want to live = in {city}
q in which month will they move = {month}
f place = {city}
f time = {month}
c so we are looking for a flat
r moving to {city} {month.in} sounds exciting

en {name} has {event.a} {month.in} | {name} is planning {event.a} {month.in}
de {name} hat {month.in} {event.a}
es {name} tiene {event.a} {month.in}
fr {name} a {event.a} {month.in}
q who has {event.a} = {name}
q in which month is the {event} = {month}
f name = {name}
f time = {month}
c and i am invited too
r okay {name} has {event.a} {month.in}

en i will be in {city} from {day} to {day2} | i am staying in {city} from {day} to {day2}
de ich bin von {day} bis {day2} in {city}
es estoy en {city} desde {day} hasta {day2}
fr je suis à {city} de {day} à {day2}
q where will the speaker be = in {city}
q when does the stay end = {day2}
f place = {city}
f time = from {day} to {day2}
c so no meetings on those days please
r i noted your stay in {city}

en please book a place {room.in} {time.at} {when} | i need a place {room.in} {time.at} {when}
de ich brauche {when} {time.at} einen Platz {room.in}
es necesito un sitio {room.in} {time.at} {when}
fr j'ai besoin d'une place {room.in} {time.at} {when}
q which room is needed = the {room}
q at what time = {time}
f place = {room}
f time = {time.at} {when}
c and tell the others about it
r your place {room.in} is booked {time.at}
";
