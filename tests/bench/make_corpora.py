"""Makes small corpora in the forms that the recipes of weights/recipe/gpu read, to try those with `slm-train adapter --dry-run`.

    python tests/bench/make_corpora.py OUT [--rows 64]

`OUT` gets LibriSpeech folders with utterances of about 12 s, a CoVoST 2 table and two tables of Common Voice with utterances
of about 5 s: the lengths of the real ones. They are joined of the committed utterances; their words mean nothing.
"""

import argparse
import json
import random
import wave
from pathlib import Path

RATE = 16_000
MANIFEST = Path(__file__).resolve().parents[2] / "tests/audio/test/manifest.jsonl"


def utterances():
    """Samples as bytes, text and German text of every committed utterance."""
    for line in MANIFEST.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        with wave.open(str(MANIFEST.parent / row["audio_filepath"])) as file:
            yield file.readframes(file.getnframes()), row["text"], row["text_de"]


def joined(rng, source, seconds):
    """Utterances one after the other, of about so many seconds."""
    samples, texts, german = b"", [], []
    wanted = rng.gauss(seconds, seconds / 4)
    while not texts or len(samples) / (2 * RATE) < wanted - 1:
        sound, text, other = rng.choice(source)
        samples += sound
        texts.append(text)
        german.append(other)
    return samples, " ".join(texts), " ".join(german)


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)


def librispeech(rng, source, folder, rows):
    lines = []
    for row in range(rows):
        name = f"1-1-{row:04}"
        samples, text, _ = joined(rng, source, 12)
        write(folder / "1" / "1" / f"{name}.wav", samples)
        lines.append(f"{name} {text.upper()}")
    (folder / "1" / "1" / "1-1.trans.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(rng, source, path, rows, translated):
    lines = ["path\tsentence" + ("\ttranslation" if translated else "") + "\tclient_id"]
    for row in range(rows):
        name = f"{path.stem}-{row:04}.wav"
        samples, text, german = joined(rng, source, 5)
        write(path.parent / "clips" / name, samples)
        lines.append("\t".join([name, text, *([german] if translated else []), "x"]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=64, help="rows of each part that is learnt from")
    args = parser.parse_args()
    rng, source = random.Random(1), list(utterances())
    for part in ["train-clean-100", "train-clean-360", "train-other-500", "dev-clean"]:
        librispeech(rng, source, args.out / "LibriSpeech" / part, 4 if part.startswith("dev") else args.rows)
    for part, rows in [("train", args.rows), ("dev", 4)]:
        table(rng, source, args.out / "covost" / f"covost_v2.en_de.{part}.tsv", rows, True)
        for language in ["en", "de"]:
            table(rng, source, args.out / "common_voice" / language / f"{part}.tsv", rows, False)


if __name__ == "__main__":
    main()
