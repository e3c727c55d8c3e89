//! Numbers, durations, times of day and sums in words, in four languages.

use rand::{Rng, RngExt};

use super::entry::Entry;

const ENGLISH: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ENGLISH_TENS: [&str; 10] =
    ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const GERMAN: [&str; 20] = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const GERMAN_TENS: [&str; 10] =
    ["", "zehn", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];
const SPANISH: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const SPANISH_TENS: [&str; 10] =
    ["", "diez", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const FRENCH: [&str; 20] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
];
const FRENCH_TENS: [&str; 10] = [
    "",
    "dix",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
];

/// A number below two hundred in English words.
#[must_use]
pub fn english(number: usize) -> String {
    match number {
        0..20 => ENGLISH[number].to_owned(),
        20..100 => {
            let tens = ENGLISH_TENS[number / 10];
            match number % 10 {
                0 => tens.to_owned(),
                ones => format!("{tens} {}", ENGLISH[ones]),
            }
        }
        100 => "one hundred".to_owned(),
        _ => format!("one hundred and {}", english((number - 100) % 100)),
    }
}

/// A number below two hundred in German words, as in counting.
#[must_use]
pub fn german(number: usize) -> String {
    match number {
        0..20 => GERMAN[number].to_owned(),
        20..100 => {
            let tens = GERMAN_TENS[number / 10];
            match number % 10 {
                0 => tens.to_owned(),
                1 => format!("einund{tens}"),
                ones => format!("{}und{tens}", GERMAN[ones]),
            }
        }
        100 => "hundert".to_owned(),
        _ => format!("hundert{}", german((number - 100) % 100)),
    }
}

/// A number below two hundred in Spanish words, as in counting.
#[must_use]
pub fn spanish(number: usize) -> String {
    match number {
        0..30 => SPANISH[number].to_owned(),
        30..100 => {
            let tens = SPANISH_TENS[number / 10];
            match number % 10 {
                0 => tens.to_owned(),
                ones => format!("{tens} y {}", SPANISH[ones]),
            }
        }
        100 => "cien".to_owned(),
        _ => format!("ciento {}", spanish((number - 100) % 100)),
    }
}

/// A number below two hundred in French words, as in counting.
#[must_use]
pub fn french(number: usize) -> String {
    match number {
        0..20 => FRENCH[number].to_owned(),
        80 => "quatre-vingts".to_owned(),
        20..100 => {
            let tens = FRENCH_TENS[number / 10];
            let rest = match number / 10 {
                7 | 9 => number % 10 + 10,
                _ => number % 10,
            };
            match rest {
                0 => tens.to_owned(),
                1 | 11 if number < 80 => format!("{tens} et {}", FRENCH[rest]),
                _ => format!("{tens}-{}", FRENCH[rest]),
            }
        }
        100 => "cent".to_owned(),
        _ => format!("cent {}", french((number - 100) % 100)),
    }
}

/// The counting word of `number` as it stands before a Spanish noun.
fn spanish_before(number: usize, feminine: bool) -> String {
    let word = spanish(number);
    match (word.strip_suffix("uno"), feminine) {
        (None, _) => word,
        (Some(stem), true) => format!("{stem}una"),
        (Some("veinti"), false) => "veintiún".to_owned(),
        (Some(stem), false) => format!("{stem}un"),
    }
}

/// The counting word of `number` as it stands before a feminine French noun.
fn french_feminine(number: usize) -> String {
    let word = french(number);
    if word == "un" || word.ends_with(" un") || word.ends_with("-un") { format!("{word}e") } else { word }
}

fn plain(number: usize) -> [String; 4] {
    [english(number), german(number), spanish(number), french(number)]
}

/// An entry whose forms are numbers; the first is also the plain form.
fn sums(forms: &[&'static str], numbers: &[usize]) -> Entry {
    let mut entry = Entry { forms: forms.to_vec(), ..Entry::default() };
    for number in numbers.first().into_iter().chain(numbers) {
        for (cell, word) in entry.cells.iter_mut().zip(plain(*number)) {
            cell.push(word);
        }
    }
    entry
}

fn duration<R: Rng>(rng: &mut R) -> Entry {
    const UNITS: [[&str; 4]; 3] = [
        ["seconds", "Sekunden", "segundos", "secondes"],
        ["minutes", "Minuten", "minutos", "minutes"],
        ["hours", "Stunden", "horas", "heures"],
    ];
    let pick = rng.random_range(0..20);
    let (unit, number) = match pick {
        0..4 => (0, rng.random_range(2_usize..=12) * 5),
        4..15 => (1, rng.random_range(2_usize..=59)),
        _ => (2, rng.random_range(2_usize..=24)),
    };
    let [english_unit, german_unit, spanish_unit, french_unit] = UNITS[unit];
    let base = [
        format!("{} {english_unit}", english(number)),
        format!("{} {german_unit}", german(number)),
        format!("{} {spanish_unit}", spanish_before(number, unit == 2)),
        format!("{} {french_unit}", french_feminine(number)),
    ];
    let mut entry = Entry { forms: vec!["in"], ..Entry::default() };
    let before = ["in", "in", "dentro de", "dans"];
    for ((cell, base), before) in entry.cells.iter_mut().zip(base).zip(before) {
        let inside = format!("{before} {base}");
        cell.extend([base, inside]);
    }
    entry
}

fn time<R: Rng>(rng: &mut R) -> Entry {
    let hour: usize = rng.random_range(1_usize..=12);
    let minute: usize = match rng.random_range(0..3) {
        0 => 0,
        1 => rng.random_range(1_usize..=3) * 15,
        _ => rng.random_range(2_usize..=11) * 5,
    };
    let style = rng.random_bool(0.5);
    let next = hour % 12 + 1;
    let english_time = match (minute, style) {
        (0, _) => format!("{} o'clock", english(hour)),
        (15, true) => format!("quarter past {}", english(hour)),
        (30, true) => format!("half past {}", english(hour)),
        (45, true) => format!("quarter to {}", english(next)),
        _ => format!("{} {}", english(hour), english(minute)),
    };
    let german_hour = if hour == 1 { "ein".to_owned() } else { german(hour) };
    let (article, spanish_hour) = match hour {
        1 => ("la", "una".to_owned()),
        _ => ("las", spanish(hour)),
    };
    let french_hour = match hour {
        1 => "une heure".to_owned(),
        _ => format!("{} heures", french(hour)),
    };
    let base = if minute == 0 {
        [english_time, format!("{german_hour} Uhr"), format!("{article} {spanish_hour}"), french_hour]
    } else {
        let spanish_minute = match minute {
            15 => "cuarto".to_owned(),
            30 => "media".to_owned(),
            _ => spanish(minute),
        };
        [
            english_time,
            format!("{german_hour} Uhr {}", german(minute)),
            format!("{article} {spanish_hour} y {spanish_minute}"),
            format!("{french_hour} {}", french(minute)),
        ]
    };
    let mut entry = Entry { forms: vec!["at"], ..Entry::default() };
    let before = ["at", "um", "a", "à"];
    for ((cell, base), before) in entry.cells.iter_mut().zip(base).zip(before) {
        let at = format!("{before} {base}");
        cell.extend([base, at]);
    }
    entry
}

/// A word with its letters (form `letters`) and their count (form `count`).
pub(super) fn spelled(word: &str) -> Entry {
    let letters: Vec<String> = word.chars().map(String::from).collect();
    let mut entry = Entry { forms: vec!["letters", "count"], ..Entry::default() };
    for cell in &mut entry.cells {
        cell.extend([word.to_owned(), letters.join(" "), english(letters.len())]);
    }
    entry
}

/// Draws a row of a computed lexicon; `None` when there is none of that name.
pub(super) fn draw<R: Rng>(lexicon: &str, rng: &mut R) -> Option<Entry> {
    const FORMS: [&str; 3] = ["a", "b", "r"];
    let entry = match lexicon {
        "duration" => duration(rng),
        "time" => time(rng),
        "few" => sums(&[], &[rng.random_range(2_usize..=12)]),
        "percent" => sums(&[], &[rng.random_range(1_usize..=20) * 5]),
        "degrees" => sums(&[], &[rng.random_range(15_usize..=20)]),
        "number" => {
            let number = rng.random_range(2_usize..=150);
            let mut entry = sums(&FORMS, &[number, number - 1, number + 1]);
            entry.forms.push("parity");
            let parity = if number.is_multiple_of(2) { "even" } else { "odd" };
            for cell in &mut entry.cells {
                cell.push(parity.to_owned());
            }
            entry
        }
        "even" => {
            let number = rng.random_range(1_usize..=99) * 2;
            sums(&FORMS, &[number, number, number / 2])
        }
        "double" => {
            let number = rng.random_range(2_usize..=99);
            sums(&FORMS, &[number, number, number * 2])
        }
        "square" => {
            let number = rng.random_range(2_usize..=12);
            sums(&FORMS, &[number, number, number * number])
        }
        "add" => {
            let (one, two) = (rng.random_range(1_usize..=99), rng.random_range(1_usize..=99));
            sums(&FORMS, &[one, two, one + two])
        }
        // Small enough that no number ends in one, which would be inflected before a noun.
        "gain" => {
            let (one, two) = (rng.random_range(2_usize..=20), rng.random_range(2_usize..=20));
            sums(&FORMS, &[one, two, one + two])
        }
        "subtract" => {
            let one = rng.random_range(2_usize..=100);
            let two = rng.random_range(1..one);
            sums(&FORMS, &[one, two, one - two])
        }
        "multiply" => {
            let (one, two) = (rng.random_range(2_usize..=14), rng.random_range(2_usize..=14));
            sums(&FORMS, &[one, two, one * two])
        }
        "divide" => {
            let (one, two) = (rng.random_range(2_usize..=14), rng.random_range(2_usize..=14));
            sums(&FORMS, &[one * two, two, one])
        }
        _ => return None,
    };
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(english(125), "one hundred and twenty five");
        assert_eq!(german(121), "hunderteinundzwanzig");
        assert_eq!(spanish(131), "ciento treinta y uno");
        assert_eq!(french(71), "soixante et onze");
        assert_eq!(french(81), "quatre-vingt-un");
        assert_eq!(french(99), "quatre-vingt-dix-neuf");
        assert_eq!(french(180), "cent quatre-vingts");
        assert_eq!(spanish_before(21, false), "veintiún");
        assert_eq!(french_feminine(21), "vingt et une");
    }
}
