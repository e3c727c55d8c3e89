//! Lights and other devices.

/// The lexicons of devices.
pub(super) const LEXICON: &str = r"
@device the
television|the television; Fernseher|den Fernseher; televisor|el televisor; télévision|la télévision
radio|the radio; Radio|das Radio; radio|la radio; radio|la radio
heating|the heating; Heizung|die Heizung; calefacción|la calefacción; chauffage|le chauffage
fan|the fan; Ventilator|den Ventilator; ventilador|el ventilador; ventilateur|le ventilateur
lamp|the lamp; Lampe|die Lampe; lámpara|la lámpara; lampe|la lampe
light|the light; Licht|das Licht; luz|la luz; lumière|la lumière
printer|the printer; Drucker|den Drucker; impresora|la impresora; imprimante|l'imprimante
computer|the computer; Computer|den Computer; ordenador|el ordenador; ordinateur|l'ordinateur
speaker|the speaker; Lautsprecher|den Lautsprecher; altavoz|el altavoz; enceinte|l'enceinte
projector|the projector; Projektor|den Projektor; proyector|el proyector; projecteur|le projecteur
heater|the heater; Heizlüfter|den Heizlüfter; calentador|el calentador; radiateur|le radiateur
air conditioner|the air conditioner; Klimaanlage|die Klimaanlage; aire acondicionado|el aire acondicionado; climatiseur|le climatiseur
alarm system|the alarm system; Alarmanlage|die Alarmanlage; alarma|la alarma; alarme|l'alarme
humidifier|the humidifier; Luftbefeuchter|den Luftbefeuchter; humidificador|el humidificador; humidificateur|l'humidificateur
ventilation|the ventilation; Lüftung|die Lüftung; ventilación|la ventilación; ventilation|la ventilation
ceiling lamp|the ceiling lamp; Deckenlampe|die Deckenlampe; lámpara de techo|la lámpara de techo; plafonnier|le plafonnier
floor lamp|the floor lamp; Stehlampe|die Stehlampe; lámpara de pie|la lámpara de pie; lampadaire|le lampadaire
scanner|the scanner; Scanner|den Scanner; escáner|el escáner; scanner|le scanner
monitor|the monitor; Monitor|den Monitor; monitor|el monitor; moniteur|le moniteur

@appliance the
washing machine|the washing machine; Waschmaschine|die Waschmaschine; lavadora|la lavadora; machine à laver|la machine à laver
dishwasher|the dishwasher; Spülmaschine|die Spülmaschine; lavavajillas|el lavavajillas; lave-vaisselle|le lave-vaisselle
dryer|the dryer; Trockner|den Trockner; secadora|la secadora; sèche-linge|le sèche-linge
vacuum cleaner|the vacuum cleaner; Staubsauger|den Staubsauger; aspiradora|la aspiradora; aspirateur|l'aspirateur
coffee machine|the coffee machine; Kaffeemaschine|die Kaffeemaschine; cafetera|la cafetera; machine à café|la machine à café
kettle|the kettle; Wasserkocher|den Wasserkocher; hervidor|el hervidor; bouilloire|la bouilloire
oven|the oven; Ofen|den Ofen; horno|el horno; four|le four
toaster|the toaster; Toaster|den Toaster; tostadora|la tostadora; grille-pain|le grille-pain
microwave|the microwave; Mikrowelle|die Mikrowelle; microondas|el microondas; micro-ondes|le micro-ondes
sprinkler|the sprinkler; Rasensprenger|den Rasensprenger; aspersor|el aspersor; arroseur|l'arroseur
robot|the robot; Roboter|den Roboter; robot|el robot; robot|le robot

@opening the
window|the window; Fenster|das Fenster; ventana|la ventana; fenêtre|la fenêtre
front door|the front door; Haustür|die Haustür; puerta principal|la puerta principal; porte d'entrée|la porte d'entrée
garage door|the garage door; Garagentor|das Garagentor; puerta del garaje|la puerta del garaje; porte du garage|la porte du garage
back door|the back door; Hintertür|die Hintertür; puerta trasera|la puerta trasera; porte de derrière|la porte de derrière
gate|the gate; Tor|das Tor; portón|el portón; portail|le portail
curtains|the curtains; Vorhänge|die Vorhänge; cortinas|las cortinas; rideaux|les rideaux
blinds|the blinds; Jalousien|die Jalousien; persianas|las persianas; stores|les stores
shutters|the shutters; Rollläden|die Rollläden; contraventanas|las contraventanas; volets|les volets
skylight|the skylight; Dachfenster|das Dachfenster; tragaluz|el tragaluz; lucarne|la lucarne
mailbox|the mailbox; Briefkasten|den Briefkasten; buzón|el buzón; boîte aux lettres|la boîte aux lettres

@lamp_colour
red; rot; roja; rouge
blue; blau; azul; bleue
green; grün; verde; verte
yellow; gelb; amarilla; jaune
white; weiß; blanca; blanche
orange; orange; naranja; orange
purple; lila; morada; violette
pink; rosa; rosa; rose
turquoise; türkis; turquesa; turquoise
golden; golden; dorada; dorée

@music
jazz; Jazz; jazz; du jazz
rock; Rock; rock; du rock
classical music; klassische Musik; música clásica; de la musique classique
piano music; Klaviermusik; música de piano; de la musique de piano
folk; Folk; folk; du folk
country music; Countrymusik; música country; de la musique country
reggae; Reggae; reggae; du reggae
blues; Blues; blues; du blues
opera; Opern; ópera; de l'opéra
dance music; Tanzmusik; música de baile; de la musique de danse
guitar music; Gitarrenmusik; música de guitarra; de la musique de guitare
christmas songs; Weihnachtslieder; canciones de Navidad; des chansons de Noël
lullabies; Schlaflieder; canciones de cuna; des berceuses
";

/// The sentences about devices.
pub(super) const TEMPLATES: &str = r"
en turn on {device.the} {room.in} | switch on {device.the} {room.in} | please turn {device.the} on {room.in}
de schalte {device.the} {room.in} ein
es enciende {device.the} {room.in}
fr allume {device.the} {room.in}
q what should be turned on = {device.the}
q where should it be turned on = {room.in}
f place = {room}
c and leave it on until i go to bed
r okay {device.the} {room.in} is on

en turn off {device.the} {room.in} | switch {device.the} off {room.in} | could you turn off {device.the} {room.in}
de schalte {device.the} {room.in} aus
es apaga {device.the} {room.in}
fr éteins {device.the} {room.in}
q what should be turned off = {device.the}
q which room is meant = the {room}
f place = {room}
c because nobody needs it now
r okay {device.the} {room.in} is off

en dim the light {room.in} to {percent} percent | set the light {room.in} to {percent} percent
de dimme das Licht {room.in} auf {percent} Prozent
es baja la luz {room.in} al {percent} por ciento
fr règle la lumière {room.in} sur {percent} pour cent
q how bright should the light be = {percent} percent
q where is the light = {room.in}
f place = {room}
c because i want to watch a film
r the light {room.in} is now at {percent} percent

en make the light {room.in} {lamp_colour} | turn the light {room.in} {lamp_colour} | change the lamp {room.in} to {lamp_colour}
de mache das Licht {room.in} {lamp_colour}
es pon la luz {room.in} {lamp_colour}
fr rends la lumière {lamp_colour} {room.in}
q which colour should the light have = {lamp_colour}
q where is it = {room.in}
f place = {room}
c because it looks nice
r okay the light {room.in} is {lamp_colour} now

en open {opening.the} | please open {opening.the} for me | could you open {opening.the}
de öffne {opening.the}
es abre {opening.the}
fr ouvre {opening.the}
q what should be opened = {opening.the}
c because i need some fresh air
r okay i am opening {opening.the}

en close {opening.the} {time.at} | shut {opening.the} {time.at} please
de schließe {opening.the} {time.at}
es cierra {opening.the} {time.at}
fr ferme {opening.the} {time.at}
q what should be closed = {opening.the}
q when should it be closed = {time.at}
f time = {time}
c and lock everything for the night
r i will close {opening.the} {time.at}

en start {appliance.the} {time.at} | turn on {appliance.the} {time.at} | let {appliance.the} start {time.at}
de starte {appliance.the} {time.at}
es pon en marcha {appliance.the} {time.at}
fr démarre {appliance.the} {time.at}
q what should be started = {appliance.the}
q when should it start = {time.at}
f time = {time}
c and tell me when it is done
r {appliance.the} will start {time.at}

en did somebody leave {appliance.the} on | did anyone leave {appliance.the} running | has someone left {appliance.the} on
de hat jemand {appliance.the} angelassen
es alguien ha dejado {appliance.the} en marcha
fr quelqu'un a-t-il laissé {appliance.the} en marche
q which machine is asked about = {appliance.the}
c because i am not at home
r i am checking {appliance.the} for you

en set the temperature {room.in} to {degrees} degrees | make it {degrees} degrees {room.in} | heat the {room} to {degrees} degrees
de stelle die Temperatur {room.in} auf {degrees} Grad
es pon la temperatura {room.in} a {degrees} grados
fr mets la température {room.in} à {degrees} degrés
q how warm should it be = {degrees} degrees
q which room is meant = the {room}
f place = {room}
c because i feel a little cold
r okay it will be {degrees} degrees {room.in}

en play some {music} {room.in} | i want to hear {music} {room.in} | put on some {music} {room.in}
de spiele {music} {room.in}
es pon {music} {room.in}
fr mets {music} {room.in}
q what should be played = {music}
q where should it play = {room.in}
f place = {room}
c but not too loud
r playing {music} {room.in}

en turn off {device.the} {duration.in} | switch off {device.the} {duration.in} please
de schalte {device.the} {duration.in} aus
es apaga {device.the} {duration.in}
fr éteins {device.the} {duration.in}
q what should be turned off = {device.the}
q when should that happen = {duration.in}
f time = {duration}
c because i will be asleep by then
r i will turn off {device.the} {duration.in}

en set the volume to {percent} percent | turn the volume to {percent} percent | make the volume {percent} percent
de stelle die Lautstärke auf {percent} Prozent
es pon el volumen al {percent} por ciento
fr règle le volume sur {percent} pour cent
q how loud should it be = {percent} percent
c so that i can hear it better
r the volume is now at {percent} percent

en all lights off except {room.in} | turn off every light except the one {room.in}
de alle Lichter aus außer {room.in}
es apaga todas las luces excepto {room.in}
fr éteins toutes les lumières sauf {room.in}
q where should the light stay on = {room.in}
f place = {room}
c because i am going to bed
r only the light {room.in} is on now

en turn on {device.the} {room.in} for {name} | switch on {device.the} {room.in} for {name}
de schalte für {name} {device.the} {room.in} ein
es enciende {device.the} {room.in} para {name}
fr allume {device.the} {room.in} pour {name}
q for whom should it be turned on = {name}
q where is {device.the} = {room.in}
f name = {name}
f place = {room}
c because {name} is coming soon
r okay {device.the} {room.in} is on for {name}
";
