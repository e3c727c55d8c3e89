//! Timers, alarms and reminders.

/// The lexicons of timers.
pub(super) const LEXICON: &str = r"
@dish the
eggs|the eggs; Eier|die Eier; huevos|los huevos; œufs|les œufs
pasta|the pasta; Nudeln|die Nudeln; pasta|la pasta; pâtes|les pâtes
pizza|the pizza; Pizza|die Pizza; pizza|la pizza; pizza|la pizza
cake|the cake; Kuchen|den Kuchen; pastel|el pastel; gâteau|le gâteau
chicken|the chicken; Hähnchen|das Hähnchen; pollo|el pollo; poulet|le poulet
rice|the rice; Reis|den Reis; arroz|el arroz; riz|le riz
potatoes|the potatoes; Kartoffeln|die Kartoffeln; patatas|las patatas; pommes de terre|les pommes de terre
tea|the tea; Tee|den Tee; té|el té; thé|le thé
soup|the soup; Suppe|die Suppe; sopa|la sopa; soupe|la soupe
bread|the bread; Brot|das Brot; pan|el pan; pain|le pain
laundry|the laundry; Wäsche|die Wäsche; ropa|la ropa; linge|le linge
cookies|the cookies; Kekse|die Kekse; galletas|las galletas; biscuits|les biscuits
roast|the roast; Braten|den Braten; asado|el asado; rôti|le rôti
lasagna|the lasagna; Lasagne|die Lasagne; lasaña|la lasaña; lasagne|les lasagnes
stew|the stew; Eintopf|den Eintopf; estofado|el estofado; ragoût|le ragoût

@chore
take out the trash; den Müll rauszubringen; sacar la basura; sortir les poubelles
water the plants; die Pflanzen zu gießen; regar las plantas; arroser les plantes
feed the cat; die Katze zu füttern; dar de comer al gato; nourrir le chat
walk the dog; mit dem Hund rauszugehen; pasear al perro; promener le chien
wash the dishes; das Geschirr zu spülen; lavar los platos; faire la vaisselle
clean the windows; die Fenster zu putzen; limpiar las ventanas; nettoyer les fenêtres
pay the bills; die Rechnungen zu bezahlen; pagar las facturas; payer les factures
lock the door; die Tür abzuschließen; cerrar la puerta con llave; fermer la porte à clé
take my medicine; meine Medizin zu nehmen; tomar mi medicina; prendre mon médicament
charge the phone; das Telefon aufzuladen; cargar el teléfono; charger le téléphone
drink some water; etwas Wasser zu trinken; beber agua; boire de l'eau
stretch my legs; mir die Beine zu vertreten; estirar las piernas; me dégourdir les jambes
check the oven; nach dem Ofen zu sehen; revisar el horno; vérifier le four
mow the lawn; den Rasen zu mähen; cortar el césped; tondre la pelouse
iron my shirt; mein Hemd zu bügeln; planchar mi camisa; repasser ma chemise
return the library books; die Bücher zurückzubringen; devolver los libros a la biblioteca; rendre les livres à la bibliothèque
renew my passport; meinen Pass zu verlängern; renovar mi pasaporte; renouveler mon passeport
book the flight; den Flug zu buchen; reservar el vuelo; réserver le vol
sweep the floor; den Boden zu fegen; barrer el suelo; balayer le sol
empty the dishwasher; die Spülmaschine auszuräumen; vaciar el lavavajillas; vider le lave-vaisselle
sign the contract; den Vertrag zu unterschreiben; firmar el contrato; signer le contrat
print the tickets; die Tickets auszudrucken; imprimir los billetes; imprimer les billets
finish the report; den Bericht fertig zu schreiben; terminar el informe; finir le rapport
pick up the parcel; das Paket abzuholen; recoger el paquete; récupérer le colis
";

/// The sentences about timers.
pub(super) const TEMPLATES: &str = r"
en set a timer for {duration} | start a timer for {duration} | please set a timer to {duration} | can you start a timer for {duration}
de stelle einen Timer auf {duration}
es pon un temporizador de {duration}
fr mets un minuteur de {duration}
q how long is the timer = {duration}
q what should be set = a timer
f time = {duration}
c and tell me when the {duration} are over
r okay the timer is set for {duration}

en set a timer for {duration} for {dish.the} | time {dish.the} for {duration} | i need a timer for {dish.the} for {duration}
de stelle für {dish.the} einen Timer auf {duration}
es pon un temporizador de {duration} para {dish.the}
fr mets un minuteur de {duration} pour {dish.the}
q what is the timer for = {dish.the}
q how long is the timer = {duration}
f time = {duration}
c so that nothing goes wrong with {dish.the}
r okay {duration} for {dish.the} starting now

en wake me up {time.at} | set an alarm for {time} | please wake me {time.at} | i need an alarm for {time}
de stelle einen Wecker auf {time}
es pon una alarma para {time}
fr mets un réveil pour {time}
q when should the alarm ring = {time.at}
f time = {time}
c because i must not be late
r okay the alarm is set for {time}

en wake me up {day.on} {time.at} | set an alarm {day.on} {time.at} | i want to get up {day.on} {time.at}
de wecke mich {day.on} {time.at}
es despiértame {day.on} {time.at}
fr réveille-moi {day.on} {time.at}
q on which day is the alarm = {day}
q at what time is the alarm = {time}
f time = {day.on} {time.at}
c and play some soft music
r i will wake you {day.on} {time.at}

en cancel the alarm for {time} | delete my alarm for {time} | turn off the {time} alarm
de lösche den Wecker für {time}
es cancela la alarma de {time}
fr annule le réveil de {time}
q which alarm should be cancelled = {time}
f time = {time}
c because i want to sleep longer
r okay the alarm for {time} is cancelled

en remind me to {chore} {duration.in} | {duration.in} remind me to {chore} | can you remind me to {chore} {duration.in}
de erinnere mich {duration.in} daran {chore}
es recuérdame {chore} {duration.in}
fr rappelle-moi de {chore} {duration.in}
q what is the reminder about = {chore}
q when is the reminder = {duration.in}
f time = {duration}
c because i forgot it last time
r i will remind you {duration.in} to {chore}

en remind me to {chore} {time.at} | {time.at} remind me to {chore} | don't let me forget to {chore} {time.at}
de erinnere mich {time.at} daran {chore}
es recuérdame {chore} {time.at}
fr rappelle-moi de {chore} {time.at}
q what should the speaker do = {chore}
q at what time is the reminder = {time}
f time = {time}
c and remind me once more later
r okay i will remind you {time.at} to {chore}

en how much time is left for {dish.the} | check the timer for {dish.the}
de wie viel Zeit bleibt noch für {dish.the}
es cuánto tiempo queda para {dish.the}
fr combien de temps reste-t-il pour {dish.the}
q which timer is meant = the timer for {dish.the}
c because i am getting hungry
r i am checking the timer for {dish.the}

en add {duration} to the timer | give the timer {duration} more | make the timer {duration} longer
de verlängere den Timer um {duration}
es añade {duration} al temporizador
fr ajoute {duration} au minuteur
q how much longer should the timer run = {duration}
f time = {duration}
c because it is not ready yet
r okay i added {duration} to the timer

en pause the timer for {dish.the} | stop the timer for {dish.the} | hold the timer for {dish.the} please
de halte den Timer für {dish.the} an
es detén el temporizador para {dish.the}
fr arrête le minuteur pour {dish.the}
q which timer should stop = the timer for {dish.the}
c and start it again when i say so
r the timer for {dish.the} has stopped

en move my alarm from {time} to {time2} | change the alarm from {time} to {time2}
de verschiebe meinen Wecker von {time} auf {time2}
es cambia mi alarma de {time} a {time2}
fr déplace mon réveil de {time} à {time2}
q when was the alarm before = {time}
q what is the new time of the alarm = {time2}
f time = {time2}
c so that i have enough time for breakfast
r your alarm is now set for {time2}

en remind me to {chore} {when} | {when} i have to {chore} please remind me
de erinnere mich {when} daran {chore}
es recuérdame {chore} {when}
fr rappelle-moi de {chore} {when}
q when is the reminder = {when}
q what is the reminder about = {chore}
f time = {when}
c before i leave the house
r okay i will remind you {when} to {chore}

en wake {name} {duration.in} | please wake {name} up {duration.in}
de wecke {name} {duration.in}
es despierta a {name} {duration.in}
fr réveille {name} {duration.in}
q who should be woken = {name}
q when should it happen = {duration.in}
f name = {name}
f time = {duration}
c and be gentle about it
r okay i will wake {name} {duration.in}
";
