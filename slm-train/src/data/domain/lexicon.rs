//! Words that several topics share: rooms, cities, days and people.

/// The shared lexicons.
pub(super) const LEXICON: &str = r"
@room in
kitchen|in the kitchen; Küche|in der Küche; cocina|en la cocina; cuisine|dans la cuisine
bedroom|in the bedroom; Schlafzimmer|im Schlafzimmer; dormitorio|en el dormitorio; chambre|dans la chambre
bathroom|in the bathroom; Badezimmer|im Badezimmer; baño|en el baño; salle de bain|dans la salle de bain
living room|in the living room; Wohnzimmer|im Wohnzimmer; sala de estar|en la sala de estar; salon|dans le salon
office|in the office; Büro|im Büro; oficina|en la oficina; bureau|dans le bureau
garage|in the garage; Garage|in der Garage; garaje|en el garaje; garage|dans le garage
hallway|in the hallway; Flur|im Flur; pasillo|en el pasillo; couloir|dans le couloir
garden|in the garden; Garten|im Garten; jardín|en el jardín; jardin|dans le jardin
basement|in the basement; Keller|im Keller; sótano|en el sótano; sous-sol|au sous-sol
attic|in the attic; Dachboden|auf dem Dachboden; desván|en el desván; grenier|dans le grenier
dining room|in the dining room; Esszimmer|im Esszimmer; comedor|en el comedor; salle à manger|dans la salle à manger
nursery|in the nursery; Kinderzimmer|im Kinderzimmer; cuarto de los niños|en el cuarto de los niños; chambre d'enfant|dans la chambre d'enfant
library|in the library; Bibliothek|in der Bibliothek; biblioteca|en la biblioteca; bibliothèque|dans la bibliothèque
laundry room|in the laundry room; Waschküche|in der Waschküche; lavandería|en la lavandería; buanderie|dans la buanderie
guest room|in the guest room; Gästezimmer|im Gästezimmer; cuarto de invitados|en el cuarto de invitados; chambre d'amis|dans la chambre d'amis
conference room|in the conference room; Konferenzraum|im Konferenzraum; sala de conferencias|en la sala de conferencias; salle de conférence|dans la salle de conférence
workshop|in the workshop; Werkstatt|in der Werkstatt; taller|en el taller; atelier|dans l'atelier
entrance|in the entrance; Eingang|im Eingang; entrada|en la entrada; entrée|dans l'entrée

@city
london; London; Londres; Londres
paris; Paris; París; Paris
berlin; Berlin; Berlín; Berlin
madrid; Madrid; Madrid; Madrid
rome; Rom; Roma; Rome
vienna; Wien; Viena; Vienne
dublin; Dublin; Dublín; Dublin
boston; Boston; Boston; Boston
chicago; Chicago; Chicago; Chicago
seattle; Seattle; Seattle; Seattle
denver; Denver; Denver; Denver
munich; München; Múnich; Munich
hamburg; Hamburg; Hamburgo; Hambourg
zurich; Zürich; Zúrich; Zurich
geneva; Genf; Ginebra; Genève
brussels; Brüssel; Bruselas; Bruxelles
lisbon; Lissabon; Lisboa; Lisbonne
barcelona; Barcelona; Barcelona; Barcelone
milan; Mailand; Milán; Milan
venice; Venedig; Venecia; Venise
prague; Prag; Praga; Prague
warsaw; Warschau; Varsovia; Varsovie
budapest; Budapest; Budapest; Budapest
stockholm; Stockholm; Estocolmo; Stockholm
copenhagen; Kopenhagen; Copenhague; Copenhague
oslo; Oslo; Oslo; Oslo
helsinki; Helsinki; Helsinki; Helsinki
moscow; Moskau; Moscú; Moscou
istanbul; Istanbul; Estambul; Istanbul
tokyo; Tokio; Tokio; Tokyo
singapore; Singapur; Singapur; Singapour
sydney; Sydney; Sídney; Sydney
toronto; Toronto; Toronto; Toronto
montreal; Montreal; Montreal; Montréal
miami; Miami; Miami; Miami
houston; Houston; Houston; Houston
dallas; Dallas; Dallas; Dallas
edinburgh; Edinburgh; Edimburgo; Édimbourg
glasgow; Glasgow; Glasgow; Glasgow
manchester; Manchester; Mánchester; Manchester
liverpool; Liverpool; Liverpool; Liverpool
bristol; Bristol; Bristol; Bristol
oxford; Oxford; Oxford; Oxford
cambridge; Cambridge; Cambridge; Cambridge
athens; Athen; Atenas; Athènes

@day on
monday|on monday; Montag|am Montag; el lunes|el lunes; lundi|lundi
tuesday|on tuesday; Dienstag|am Dienstag; el martes|el martes; mardi|mardi
wednesday|on wednesday; Mittwoch|am Mittwoch; el miércoles|el miércoles; mercredi|mercredi
thursday|on thursday; Donnerstag|am Donnerstag; el jueves|el jueves; jeudi|jeudi
friday|on friday; Freitag|am Freitag; el viernes|el viernes; vendredi|vendredi
saturday|on saturday; Samstag|am Samstag; el sábado|el sábado; samedi|samedi
sunday|on sunday; Sonntag|am Sonntag; el domingo|el domingo; dimanche|dimanche

@when
today; heute; hoy; aujourd'hui
tomorrow; morgen; mañana; demain
tonight; heute Abend; esta noche; ce soir
this afternoon; heute Nachmittag; esta tarde; cet après-midi
this weekend; an diesem Wochenende; este fin de semana; ce week-end
next week; nächste Woche; la próxima semana; la semaine prochaine
on monday; am Montag; el lunes; lundi
on tuesday; am Dienstag; el martes; mardi
on wednesday; am Mittwoch; el miércoles; mercredi
on thursday; am Donnerstag; el jueves; jeudi
on friday; am Freitag; el viernes; vendredi
on saturday; am Samstag; el sábado; samedi
on sunday; am Sonntag; el domingo; dimanche
tomorrow morning; morgen früh; mañana por la mañana; demain matin
tomorrow evening; morgen Abend; mañana por la noche; demain soir

@relative my
mother|my mother; Mutter|meiner Mutter; madre|mi madre; mère|ma mère
father|my father; Vater|meinem Vater; padre|mi padre; père|mon père
brother|my brother; Bruder|meinem Bruder; hermano|mi hermano; frère|mon frère
sister|my sister; Schwester|meiner Schwester; hermana|mi hermana; sœur|ma sœur
boss|my boss; Chef|meinem Chef; jefe|mi jefe; chef|mon chef
neighbour|my neighbour; Nachbarn|meinem Nachbarn; vecino|mi vecino; voisin|mon voisin
doctor|my doctor; Arzt|meinem Arzt; médico|mi médico; médecin|mon médecin
dentist|my dentist; Zahnarzt|meinem Zahnarzt; dentista|mi dentista; dentiste|mon dentiste
teacher|my teacher; Lehrer|meinem Lehrer; profesor|mi profesor; professeur|mon professeur
lawyer|my lawyer; Anwalt|meinem Anwalt; abogado|mi abogado; avocat|mon avocat
uncle|my uncle; Onkel|meinem Onkel; tío|mi tío; oncle|mon oncle
aunt|my aunt; Tante|meiner Tante; tía|mi tía; tante|ma tante
cousin|my cousin; Cousin|meinem Cousin; primo|mi primo; cousin|mon cousin
grandmother|my grandmother; Großmutter|meiner Großmutter; abuela|mi abuela; grand-mère|ma grand-mère
grandfather|my grandfather; Großvater|meinem Großvater; abuelo|mi abuelo; grand-père|mon grand-père
landlord|my landlord; Vermieter|meinem Vermieter; casero|mi casero; propriétaire|mon propriétaire
plumber|my plumber; Klempner|meinem Klempner; fontanero|mi fontanero; plombier|mon plombier
assistant|my assistant; Assistenten|meinem Assistenten; asistente|mi asistente; assistant|mon assistant
accountant|my accountant; Buchhalter|meinem Buchhalter; contable|mi contable; comptable|mon comptable
coach|my coach; Trainer|meinem Trainer; entrenador|mi entrenador; entraîneur|mon entraîneur
";
