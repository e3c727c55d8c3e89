//! Arithmetic in words.

/// The sentences about sums.
pub(super) const TEMPLATES: &str = r"
en what is {add.a} plus {add.b} | how much is {add.a} plus {add.b} | calculate {add.a} plus {add.b}
de was ist {add.a} plus {add.b}
es cuánto es {add.a} más {add.b}
fr combien font {add.a} plus {add.b}
q which number comes first = {add.a}
q what is the result = {add.r}
c and please check the result
r {add.a} plus {add.b} is {add.r}

en add {add.a} and {add.b} | please add {add.b} to {add.a} | give me the sum of {add.a} and {add.b}
de addiere {add.a} und {add.b}
es suma {add.a} y {add.b}
fr additionne {add.a} et {add.b}
q which calculation is wanted = a sum
q what is the result = {add.r}
c and write the sum down
r the sum of {add.a} and {add.b} is {add.r}

en what is {subtract.a} minus {subtract.b} | how much is {subtract.a} minus {subtract.b} | calculate {subtract.a} minus {subtract.b}
de was ist {subtract.a} minus {subtract.b}
es cuánto es {subtract.a} menos {subtract.b}
fr combien font {subtract.a} moins {subtract.b}
q which number is taken away = {subtract.b}
q what is the result = {subtract.r}
c and tell me the result slowly
r {subtract.a} minus {subtract.b} is {subtract.r}

en subtract {subtract.b} from {subtract.a} | take {subtract.b} away from {subtract.a}
de ziehe {subtract.b} von {subtract.a} ab
es resta {subtract.b} de {subtract.a}
fr soustrais {subtract.b} de {subtract.a}
q from which number do we subtract = {subtract.a}
q what is left = {subtract.r}
c and say what is left
r {subtract.a} minus {subtract.b} leaves {subtract.r}

en what is {multiply.a} times {multiply.b} | how much is {multiply.a} times {multiply.b} | calculate {multiply.a} times {multiply.b}
de was ist {multiply.a} mal {multiply.b}
es cuánto es {multiply.a} por {multiply.b}
fr combien font {multiply.a} fois {multiply.b}
q which calculation is wanted = a product
q what is the result = {multiply.r}
c because i am learning my tables
r {multiply.a} times {multiply.b} is {multiply.r}

en multiply {multiply.a} by {multiply.b} | please multiply {multiply.a} by {multiply.b} for me
de multipliziere {multiply.a} mit {multiply.b}
es multiplica {multiply.a} por {multiply.b}
fr multiplie {multiply.a} par {multiply.b}
q which number is multiplied = {multiply.a}
q what is the product = {multiply.r}
c and then add nothing more
r the product of {multiply.a} and {multiply.b} is {multiply.r}

en what is {divide.a} divided by {divide.b} | divide {divide.a} by {divide.b} | how much is {divide.a} divided by {divide.b}
de was ist {divide.a} geteilt durch {divide.b}
es cuánto es {divide.a} dividido entre {divide.b}
fr combien font {divide.a} divisé par {divide.b}
q which number is divided = {divide.a}
q what is the result = {divide.r}
c and tell me if there is a remainder
r {divide.a} divided by {divide.b} is {divide.r}

en what is half of {even.a} | give me half of {even.a} | how much is half of {even.a}
de was ist die Hälfte von {even.a}
es cuánto es la mitad de {even.a}
fr quelle est la moitié de {even.a}
q which number is halved = {even.a}
q what is the result = {even.r}
c because we want to share
r half of {even.a} is {even.r}

en what is twice {double.a} | double {double.a} for me | how much is twice {double.a}
de was ist das Doppelte von {double.a}
es cuánto es el doble de {double.a}
fr quel est le double de {double.a}
q which number is doubled = {double.a}
q what is the result = {double.r}
c because i need two of them
r twice {double.a} is {double.r}

en what is the square of {square.a} | square {square.a} for me | how much is {square.a} squared
de was ist das Quadrat von {square.a}
es cuál es el cuadrado de {square.a}
fr quel est le carré de {square.a}
q which number is squared = {square.a}
q what is the result = {square.r}
c and explain how you got there
r the square of {square.a} is {square.r}

en which number comes after {number.a} | what comes right after {number.a} | tell me the number after {number.a}
de welche Zahl kommt nach {number.a}
es qué número viene después de {number.a}
fr quel nombre vient après {number.a}
q after which number do we look = {number.a}
c because i am counting
r after {number.a} comes {number.r}

en which number comes before {number.a} | what comes right before {number.a} | tell me the number before {number.a}
de welche Zahl kommt vor {number.a}
es qué número viene antes de {number.a}
fr quel nombre vient avant {number.a}
q before which number do we look = {number.a}
c because i am counting backwards
r before {number.a} comes {number.b}

en is {number.a} an even number | tell me if {number.a} is even
de ist {number.a} eine gerade Zahl
es es {number.a} un número par
fr est-ce que {number.a} est un nombre pair
q which number is asked about = {number.a}
c or is it an odd number
q is it even or odd = {number.parity}
r {number.a} is an {number.parity} number

en {name} has {gain.a} coins and gets {gain.b} more | {name} owns {gain.a} coins and finds {gain.b} more
de {name} hat {gain.a} Münzen und bekommt {gain.b} dazu
es {name} tiene {gain.a} monedas y recibe {gain.b} más
fr {name} a {gain.a} pièces et en reçoit {gain.b} de plus
q who has the coins = {name}
q how many coins are there in the end = {gain.r}
f name = {name}
c how many coins does {name} have now
r now {name} has {gain.r} coins
";
