//! Messages and calls.

/// The lexicons of messages.
pub(super) const LEXICON: &str = r"
@news
i am late; ich zu spät komme; llego tarde; je suis en retard
i am on my way; ich unterwegs bin; estoy en camino; je suis en route
dinner is ready; das Essen fertig ist; la cena está lista; le dîner est prêt
the train is delayed; der Zug Verspätung hat; el tren se ha retrasado; le train a du retard
i miss the old days; ich die alten Zeiten vermisse; echo de menos los viejos tiempos; le bon vieux temps me manque
the meeting is cancelled; die Besprechung ausfällt; la reunión está cancelada; la réunion est annulée
i found the keys; ich die Schlüssel gefunden habe; he encontrado las llaves; j'ai trouvé les clés
the parcel has arrived; das Paket angekommen ist; el paquete ha llegado; le colis est arrivé
the car is broken; das Auto kaputt ist; el coche está averiado; la voiture est en panne
i am waiting outside; ich draußen warte; estoy esperando fuera; j'attends dehors
the baby is sleeping; das Baby schläft; el bebé está durmiendo; le bébé dort
we won the match; wir das Spiel gewonnen haben; hemos ganado el partido; nous avons gagné le match
the concert was wonderful; das Konzert wunderbar war; el concierto fue maravilloso; le concert était merveilleux
the shop is closed; der Laden geschlossen ist; la tienda está cerrada; le magasin est fermé
i passed the exam; ich die Prüfung bestanden habe; he aprobado el examen; j'ai réussi l'examen
i have a headache; ich Kopfschmerzen habe; me duele la cabeza; j'ai mal à la tête
the traffic is awful; der Verkehr furchtbar ist; el tráfico es horrible; la circulation est horrible
the plane has landed; das Flugzeug gelandet ist; el avión ha aterrizado; l'avion a atterri
the hotel is booked; das Hotel gebucht ist; el hotel está reservado; l'hôtel est réservé
the invoice is paid; die Rechnung bezahlt ist; la factura está pagada; la facture est payée
i love the present; ich das Geschenk liebe; me encanta el regalo; j'adore le cadeau
the coffee is cold; der Kaffee kalt ist; el café está frío; le café est froid
the puppy is healthy; der Welpe gesund ist; el cachorro está sano; le chiot est en bonne santé
we need more time; wir mehr Zeit brauchen; necesitamos más tiempo; nous avons besoin de plus de temps
the project is finished; das Projekt fertig ist; el proyecto está terminado; le projet est terminé
i lost my wallet; ich mein Portemonnaie verloren habe; he perdido mi cartera; j'ai perdu mon portefeuille
the roof is leaking; das Dach undicht ist; el tejado tiene goteras; le toit fuit
i bought flowers; ich Blumen gekauft habe; he comprado flores; j'ai acheté des fleurs
the tickets are expensive; die Karten teuer sind; las entradas son caras; les billets sont chers
the server is down; der Server ausgefallen ist; el servidor no funciona; le serveur est en panne
i am proud of the team; ich stolz auf das Team bin; el equipo me hace sentir orgullo; l'équipe me rend très fier

@thing a
message|a message; Nachricht|eine Nachricht; mensaje|un mensaje; message|un message
photo|a photo; Foto|ein Foto; foto|una foto; photo|une photo
letter|a letter; Brief|einen Brief; carta|una carta; lettre|une lettre
postcard|a postcard; Postkarte|eine Postkarte; postal|una postal; carte postale|une carte postale
video|a video; Video|ein Video; vídeo|un vídeo; vidéo|une vidéo
reminder|a reminder; Erinnerung|eine Erinnerung; recordatorio|un recordatorio; rappel|un rappel
recipe|a recipe; Rezept|ein Rezept; receta|una receta; recette|une recette
birthday card|a birthday card; Geburtstagskarte|eine Geburtstagskarte; tarjeta de cumpleaños|una tarjeta de cumpleaños; carte d'anniversaire|une carte d'anniversaire
link|a link; Link|einen Link; enlace|un enlace; lien|un lien
song|a song; Lied|ein Lied; canción|una canción; chanson|une chanson
map|a map; Karte|eine Karte; mapa|un mapa; carte|une carte
joke|a joke; Witz|einen Witz; chiste|un chiste; blague|une blague
greeting|a greeting; Gruß|einen Gruß; saludo|un saludo; salutation|une salutation

@document the
report|the report; Bericht|den Bericht; informe|el informe; rapport|le rapport
address|the address; Adresse|die Adresse; dirección|la dirección; adresse|l'adresse
photos|the photos; Fotos|die Fotos; fotos|las fotos; photos|les photos
agenda|the agenda; Tagesordnung|die Tagesordnung; agenda|la agenda; ordre du jour|l'ordre du jour
contract|the contract; Vertrag|den Vertrag; contrato|el contrato; contrat|le contrat
password|the password; Passwort|das Passwort; contraseña|la contraseña; mot de passe|le mot de passe
guest list|the guest list; Gästeliste|die Gästeliste; lista de invitados|la lista de invitados; liste des invités|la liste des invités
phone number|the phone number; Telefonnummer|die Telefonnummer; número de teléfono|el número de teléfono; numéro de téléphone|le numéro de téléphone
slides|the slides; Folien|die Folien; diapositivas|las diapositivas; diapositives|les diapositives
spreadsheet|the spreadsheet; Tabelle|die Tabelle; hoja de cálculo|la hoja de cálculo; tableur|le tableur
invitation|the invitation; Einladung|die Einladung; invitación|la invitación; invitation|l'invitation
receipt|the receipt; Quittung|die Quittung; recibo|el recibo; reçu|le reçu
";

/// The sentences about messages.
pub(super) const TEMPLATES: &str = r"
en send {thing.a} to {name} | please send {thing.a} to {name} | send {name} {thing.a} | can you send {thing.a} to {name}
de schicke {name} {thing.a}
es envía {thing.a} a {name}
fr envoie {thing.a} à {name}
q who gets the {thing} = {name}
q what should be sent = {thing.a}
f name = {name}
c and tell me when {name} answers
r okay i am sending {thing.a} to {name}

en tell {name} that {news} | text {name} that {news} | let {name} know that {news}
de sag {name} dass {news}
es dile a {name} que {news}
fr dis à {name} que {news}
q who should be told = {name}
q what is the message = {news}
f name = {name}
c and ask {name} to call me back
r okay i will tell {name} that

en call {name} {when} | give {name} a call {when} | phone {name} {when}
de rufe {name} {when} an
es llama a {name} {when}
fr appelle {name} {when}
q who should be called = {name}
q when is the call = {when}
f name = {name}
f time = {when}
c because we have to talk
r i will call {name} {when}

en write to {name} that {news} | write a message to {name} that {news}
de schreibe {name} dass {news}
es escribe a {name} que {news}
fr écris à {name} que {news}
q who gets the message = {name}
q what does the message say = {news}
f name = {name}
c and send it right away
r i wrote to {name} that {news}

en read me the last message from {name} | what did {name} write to me | what does the message from {name} say
de lies mir die letzte Nachricht von {name} vor
es léeme el último mensaje de {name}
fr lis-moi le dernier message {name.de}
q whose message should be read = {name}
f name = {name}
c and then i want to answer {name}
r here is the last message from {name}

en send {document.the} to {name} and {name2} | forward {document.the} to {name} and {name2} | email {document.the} to {name} and {name2}
de schicke {document.the} an {name} und {name2}
es envía {document.the} a {name} y a {name2}
fr envoie {document.the} à {name} et à {name2}
q what should be sent = {document.the}
q who gets it = {name} and {name2}
f name = {name}
f name = {name2}
c because both of them need it
r {document.the} went to {name} and {name2}

en ask {name} for {document.the} | please ask {name} for {document.the} | could you ask {name} for {document.the}
de bitte {name} um {document.the}
es pídele {document.the} a {name}
fr demande {document.the} à {name}
q who should be asked = {name}
q what does the speaker need = {document.the}
f name = {name}
c because i cannot find it
r i am asking {name} for {document.the}

en call {relative.my} {time.at} | please call {relative.my} {time.at}
de telefoniere {time.at} mit {relative.my}
es llama a {relative.my} {time.at}
fr appelle {relative.my} {time.at}
q who should be called = {relative.my}
q when is the call = {time.at}
f time = {time}
c and remind me what to say
r okay i will call {relative.my} {time.at}

en tell {relative.my} that {news} | send {relative.my} a message that {news} | inform {relative.my} that {news}
de sag {relative.my} dass {news}
es dile a {relative.my} que {news}
fr dis à {relative.my} que {news}
q who should be told = {relative.my}
q what is the message = {news}
c and add a kind greeting
r okay i am telling {relative.my} that

en did {name} answer my message | has {name} replied to my message | is there an answer from {name}
de hat {name} auf meine Nachricht geantwortet
es ha respondido {name} a mi mensaje
fr est-ce que {name} a répondu à mon message
q whose answer is awaited = {name}
f name = {name}
c because {name} is usually quick
r let me see if {name} has answered

en wish {name} a happy birthday {when} | tell {name} happy birthday {when}
de gratuliere {name} {when} zum Geburtstag
es felicita a {name} por su cumpleaños {when}
fr souhaite un joyeux anniversaire à {name} {when}
q whose birthday is it = {name}
q when is it = {when}
f name = {name}
f time = {when}
c and say that i will bring a cake
r okay i will wish {name} a happy birthday

en show {name} {document.the} {when} | please show {name} {document.the} {when}
de zeige {name} {when} {document.the}
es enséñale {document.the} a {name} {when}
fr montre {document.the} à {name} {when}
q who should see {document.the} = {name}
q when should it happen = {when}
f name = {name}
f time = {when}
c because {name} asked for it twice
r i will show {name} {document.the} {when}

en tell {name} to call {name2} {when} | remind {name} to call {name2} {when}
de erinnere {name} daran {when} {name2} anzurufen
es dile a {name} que llame a {name2} {when}
fr dis à {name} d'appeler {name2} {when}
q who should make the call = {name}
q who will be called = {name2}
f name = {name}
f name = {name2}
f time = {when}
c because it is rather important
r i will tell {name} to call {name2}

en delete the message from {name} | erase the message from {name} | remove the last message from {name}
de lösche die Nachricht von {name}
es borra el mensaje de {name}
fr efface le message {name.de}
q whose message should be deleted = {name}
f name = {name}
c because i have read it already
r the message from {name} is deleted
";
