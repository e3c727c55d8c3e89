"""Makes of a sentence as it is written the words that are said."""

import re
import unicodedata

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
ORDINALS |= {"twelve": "twelfth"}
TITLES = {"mr.": "mister", "mrs.": "missus", "dr.": "doctor", "prof.": "professor", "vs.": "versus", "no.": "no"}
SIGNS = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at"}
# Said letter by letter although they have vowels.
SPELT = set("usa uk eu un ui id ip ibm cia fbi usb cpu gpu api url iso os pi tea ai io isp uri ssid imap".split())
SPELT -= {"pi", "tea"}
WORDS_OF_SENTENCE = range(2, 26)
LONGEST_WORD = 16
# Marks that a voice makes a pause or a tune of.
MARKS = ",.?!;:"


def cardinal(number):
    """`1234` as `one thousand two hundred thirty four`."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f" {ONES[number % 10]}" if number % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{cardinal(number // size)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise ValueError(number)


def ordinal(number):
    """`21` as `twenty first`."""
    *head, last = cardinal(number).split()
    if last in ORDINALS:
        last = ORDINALS[last]
    else:
        last = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*head, last])


def year(number):
    """`1984` as `nineteen eighty four`."""
    head, rest = divmod(number, 100)
    if rest == 0:
        return f"{cardinal(head)} hundred"
    return f"{cardinal(head)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def number_words(token):
    """The words of a token of digits; none when it is not read in one way only."""
    token = token.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", token) else token
    if re.fullmatch(r"(1[1-9]|20[1-9])\d\d?", token) and len(token) == 4:
        return year(int(token))
    if re.fullmatch(r"(1[5-9])\d0s", token):
        spoken = year(int(token[:4]))
        return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"
    if re.fullmatch(r"0|[1-9]\d{0,8}", token):
        return cardinal(int(token))
    if match := re.fullmatch(r"([1-9]\d{0,3})(st|nd|rd|th)", token):
        return ordinal(int(match[1]))
    if match := re.fullmatch(r"(\d{1,6})\.(\d{1,3})", token):
        return f"{cardinal(int(match[1]))} point {' '.join(ONES[int(digit)] for digit in match[2])}"
    if match := re.fullmatch(r"\$([1-9]\d{0,8})", token):
        return f"{cardinal(int(match[1]))} dollar{'' if match[1] == '1' else 's'}"
    if match := re.fullmatch(r"(\d{1,6})%", token):
        return f"{cardinal(int(match[1]))} percent"
    return None


def plain(text):
    """Without accents, with the apostrophes and dashes of a keyboard."""
    for found, put in (("’", "'"), ("‘", "'"), ("–", "-"), ("—", ", "), ("“", '"'), ("”", '"'), ("``", '"')):
        text = text.replace(found, put)
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def clean(sentence, lexicon):
    """What is said, as `(text, spoken)`: words alone, and with capitals for spelt ones and the marks that a voice
    makes pauses of. None where the sentence has anything that is not read in one way only."""
    sentence = re.sub(r"\s*\([^)]*\)", "", plain(sentence))
    sentence = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])|--+|\s-\s|\.\.+", " ", sentence)
    sentence = re.sub(r"[\"*_`]|(?<!\w)'|'(?!\w)", " ", sentence)
    text, spoken = [], []
    for token in sentence.split():
        mark = token[-1] if token[-1] in MARKS and token.lower() not in TITLES else ""
        words = said(token.rstrip(MARKS) if mark else token, lexicon)
        if words is None:
            return None
        if words == "":
            continue
        is_spelt = words.isupper() and words not in ("I", "A")
        text.append(words.lower())
        spoken.append((" ".join(words) if is_spelt else words) + mark)
    count = sum(len(words.split()) for words in text)
    if count not in WORDS_OF_SENTENCE:
        return None
    joined = " ".join(text)
    # A list of names or a riddle of letters is not a sentence.
    if re.search(r"\b(\w+) \1 \1\b", joined) or sum(len(word) == 1 for word in joined.split()) > count // 2:
        return None
    return joined, " ".join(spoken)


def said(token, lexicon):
    """The words of a token, in capitals when it is spelt; none when it is none."""
    if token == "":
        return ""
    lower = token.lower()
    if lower in TITLES:
        return TITLES[lower]
    if token in SIGNS:
        return SIGNS[token]
    if any(sign.isdigit() for sign in token):
        return number_words(token)
    if not re.fullmatch(r"[A-Za-z]+('[A-Za-z]+)*", token) or len(token) > LONGEST_WORD:
        return None
    if token.isupper() and len(token) > 1:
        is_spelt = lower in SPELT or (len(token) <= 4 and not re.search(r"[AEIOUY']", token))
        if is_spelt:
            return token
        # A shout, or an acronym that might be a word.
        return lower if len(token) > 4 and lower in lexicon else None
    if lower == "ok":
        return "okay"
    stem = re.sub(r"('s|s'|'d|'ll|'ve|'re|'m|n't)$", "", lower)
    if lower not in lexicon and stem not in lexicon:
        return None
    return lower if len(lower) > 1 or lower in "ai" else None
