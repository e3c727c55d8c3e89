"""Chooses the sentences: each once, none of an evaluation set's, in a random order by weight, split by their text."""

import collections
import hashlib
import json
import math

from cleaning import clean
from sources import DEBIAN, PYPI, fetch, lexicon, manifest_texts, sentences

# Held out are as many sentences of a hundred.
HELD_OUT = {"dev": 1, "test": 2}
# Words in a row that a sentence may not share with an evaluation set.
SHARED = 5
# Of a kind of text at most, so that none is all there is.
MOST = 40_000


def fraction(seed, name, text):
    """A number of 0 to 1 that depends on the text alone."""
    digest = hashlib.sha256(f"{seed} {name} {text}".encode()).digest()
    return (int.from_bytes(digest[:7], "big") + 1) / (2**56 + 1)


def split_of(text):
    """`train`, `dev` or `test`, whatever the seed."""
    place = fraction(0, "split", text) * 100
    for split, share in HELD_OUT.items():
        if place < share:
            return split
        place -= share
    return "train"


class Evaluation:
    """Texts that no sentence may have in it."""

    def __init__(self, texts):
        self.texts = {tuple(text.lower().split()) for text in texts}
        self.runs = {run for text in self.texts for run in runs(text, SHARED)}
        self.short = {text for text in self.texts if 2 < len(text) <= SHARED}

    def has(self, text):
        words = tuple(text.split())
        if words in self.texts or not self.runs.isdisjoint(runs(words, SHARED)):
            return True
        return any(short in runs(words, len(short)) for short in self.short)


def runs(words, size):
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def choose(folder, out, seed, exclude):
    """Writes `sentences.jsonl` and `sources.json` to `out` and returns what to say about them."""
    versions = fetch(folder)
    known = lexicon(folder)
    excluded = Evaluation([text for path in exclude for text in manifest_texts(path)])
    found, told, dropped = {}, {}, 0
    for kind, (weight, _) in (DEBIAN | PYPI).items():
        cleaned = {}
        for raw in sentences(folder, kind):
            made = clean(raw, known)
            if made and made[0] not in found:
                cleaned.setdefault(*made)
        kept = sorted(cleaned, key=lambda text: fraction(seed, "choice", text))[:MOST]
        for text in kept:
            if excluded.has(text):
                dropped += 1
                continue
            # The smaller, the earlier: sampling without replacement by weight.
            key = -math.log(fraction(seed, "order", text)) / weight
            found[text] = (key, kind, cleaned[text])
        told[kind] = len(kept)
    rows = sorted(found.items(), key=lambda item: item[1][0])
    counts, words = collections.Counter(), collections.Counter()
    with (out / "sentences.jsonl").open("w", encoding="utf-8") as file:
        for text, (_, kind, spoken) in rows:
            split = split_of(text)
            counts[split] += 1
            words.update(text.split())
            row = {"text": text, "spoken": spoken, "kind": kind, "split": split}
            file.write(json.dumps(row) + "\n")
    summary = {
        "seed": seed,
        "sentences": len(rows),
        "words": sum(words.values()),
        "different_words": len(words),
        "of_kinds": told,
        "splits": dict(counts),
        "dropped_for_the_evaluation": dropped,
        "packages": versions,
    }
    (out / "sources.json").write_text(json.dumps(summary, indent=1) + "\n")
    return summary
