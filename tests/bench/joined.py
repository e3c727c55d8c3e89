"""Words that are wrong in a long recording joined from short ones, beside the same files one by one.

    cargo build --release -p slm-cli
    python tests/bench/joined.py target/release/slm-cli MANIFEST RECORDINGS [--seconds 600] --bundle DIR [-- OPTIONS]

MANIFEST has a JSON object a line: `audio_filepath`, a WAV file of 16 bit in the folder RECORDINGS, and `text`, what is said:
lower case, no punctuation, numbers as words. The long recording has the files in random order, each as often as it takes, with
pauses of 0.2 to 2 s. It is the same each time, and `--keep FILE` keeps it. OPTIONS go to `slm-cli transcribe`.

Printed are both word error rates, their difference, and each edit of the long recording. The exit status is 1 where the
difference is above `--within` points. numpy is needed.
"""

import argparse
import difflib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

from hour import PAUSES, errors

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spoken(number):
    """A number below 100 as words; larger ones digit by digit."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    return " ".join(ONES[int(digit)] for digit in str(number))


def words(text):
    """Words as the manifest has them."""
    text = re.sub(r"\d+", lambda found: f" {spoken(int(found.group()))} ", text.lower())
    return re.sub(r"[^a-z' ]", " ", text).split()


def read(path):
    """Samples as bytes, their rate and channels."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            sys.exit(f"{path}: {8 * file.getsampwidth()} bits, expected 16")
        return file.readframes(file.getnframes()), (file.getframerate(), file.getnchannels())


def join(rows, folder, seconds, path):
    """Writes the long recording: the texts in it, and its length."""
    rng = random.Random(1)
    sounds = [read(folder / row["audio_filepath"]) for row in rows]
    shapes = {shape for _, shape in sounds}
    if len(shapes) != 1:
        sys.exit(f"{folder}: files of several rates or channels: {sorted(shapes)}")
    rate, channels = shapes.pop()
    texts, done, order = [], 0, []
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        while done < seconds * rate:
            order = order or rng.sample(range(len(rows)), len(rows))
            index = order.pop()
            pause = bytes(2 * channels * int(rate * rng.uniform(*PAUSES)))
            file.writeframes(sounds[index][0] + pause)
            done += (len(sounds[index][0]) + len(pause)) // (2 * channels)
            texts.append(rows[index]["text"])
    return texts, done / rate


def transcribe(args, options, paths):
    """What the program writes for each file, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as out:
        command = [args.program, "--bundle", args.bundle, "transcribe", "--quiet", "--format", "txt", "--output-dir", out]
        began = time.monotonic()
        done = subprocess.run([*command, *options, *map(str, paths)], check=False)
        if done.returncode != 0:
            sys.exit(f"{command}: exit status {done.returncode}")
        took = time.monotonic() - began
        return [(Path(out) / f"{path.stem}.txt").read_text(encoding="utf-8") for path in paths], took


def edits(reference, found):
    """The places that differ, one text each."""
    matcher = difflib.SequenceMatcher(None, reference, found, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "equal":
            before = " ".join(reference[max(0, start - 3) : start])
            yield f"... {before} [{' '.join(reference[start:end])}] -> [{' '.join(found[first:last])}]"


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the path of slm-cli")
    parser.add_argument("manifest", type=Path, help="what is said in which file")
    parser.add_argument("recordings", type=Path, help="the folder of the files")
    parser.add_argument("--bundle", required=True, help="the model")
    parser.add_argument("--seconds", type=float, default=600, help="length of the long recording")
    parser.add_argument("--within", type=float, default=2.0, help="points by which it may be worse")
    parser.add_argument("--keep", type=Path, help="where to keep the long recording")
    args = parser.parse_args(arguments)
    rows = [json.loads(line) for line in args.manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    missing = [row["audio_filepath"] for row in rows if not (args.recordings / row["audio_filepath"]).is_file()]
    if missing:
        print(f"not there, and left out: {', '.join(missing)}", file=sys.stderr)
    rows = [row for row in rows if row["audio_filepath"] not in missing]
    if not rows:
        sys.exit(f"{args.recordings}: none of the files of {args.manifest}")
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder) / "joined.wav"
        texts, seconds = join(rows, args.recordings, args.seconds, path)
        alone = [args.recordings / row["audio_filepath"] for row in rows]
        alone_texts = [row["text"] for row in rows]
        print("| recording | audio, s | wall, s | words | wrong |\n|---|---|---|---|---|")
        for name, said, paths, audio in [("one by one", alone_texts, alone, None), ("joined", texts, [path], seconds)]:
            found, took = transcribe(args, options, paths)
            reference, found = words(" ".join(said)), words(" ".join(found))
            rates.append(100 * errors(reference, found) / len(reference))
            length = "-" if audio is None else f"{audio:.0f}"
            print(f"| {name} | {length} | {took:.1f} | {len(reference)} | {rates[-1]:.2f} % |", flush=True)
    print(f"\nthe joined one is {rates[1] - rates[0]:+.2f} points worse; may be {args.within}\n")
    print("\n".join(edits(reference, found)))
    sys.exit(rates[1] - rates[0] > args.within)


if __name__ == "__main__":
    main()
