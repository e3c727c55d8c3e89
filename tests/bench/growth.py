"""How time and memory grow: with the length of the audio, the phrases of a context, the batch and the length of the answer.

    cargo build --release -p slm-cli
    cargo build --release -p slm-tests --example timed_work
    python tests/bench/make_large.py large --only flan-t5-base
    python tests/bench/growth.py target/release/slm-cli target/release/examples/timed_work large/flan-t5-base \\
        [--seconds 5 30 60 600 3600 36000] [--phrases ...] [--batch ...] [--written ...] [--rounds 3]

Audio and phrases go to `slm-cli transcribe` with the reference model: recordings of the committed utterances as `hour.py` makes them, and two
minutes of such a recording with a list of made-up names. Batch and answer are those of the language model in the folder: 200 ids read for each row,
in a process of its own for each size.

Each size is measured in so many rounds, all sizes of a table once a round, and the median counts. A table has the seconds of wall and
processor, the peak of resident memory, and by which power of the size the processor's seconds grew since the size before: 1 is linear, less is
better.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import hour

SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
PHRASE_SECONDS = 120


def recording(source, seconds):
    """A WAV, piece by piece, so that this script stays smaller than what it measures."""
    left = 2 * hour.RATE * seconds
    yield hour.header(left)
    for samples, _ in hour.pieces(source, seconds, sounds=False):
        yield samples[:left]
        left -= len(samples[:left])


def names(count):
    """Made-up names, nearly all different."""
    rng = random.Random(1)
    word = lambda: "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4)))
    return (f"{word()} {word()}\n" for _ in range(count))


def by_program(command, chunks):
    """Wall and processor seconds and the peak of a program that reads these from its standard input."""
    _, wall, processor, peak = hour.measure(command, chunks)
    return wall, processor, peak


def by_worker(program, folder, work):
    """The same of one work of `timed_work`: its own seconds, and the processor's after loading."""
    process = subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "ready":
        sys.exit(f"{program} {folder}: does not start")
    ticks = os.sysconf("SC_CLK_TCK")

    def processor():
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before = processor()
    process.stdin.write(work + "\n")
    process.stdin.flush()
    wall = json.loads(process.stdout.readline())
    used = processor() - before
    process.stdin.close()
    _, _, usage = os.wait4(process.pid, 0)
    return wall, used, usage.ru_maxrss * 1024


def table(title, sizes, rounds, measure):
    found = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(measure(size))
    print(f"\n| {title} | Wall, s | Processor, s | Peak, MB | Grows by the power |\n|---|---|---|---|---|")
    before = None
    for size in sizes:
        wall, processor, peak = (statistics.median(column) for column in zip(*found[size]))
        grows = ""
        if before is not None and processor > before[1]:
            grows = f"{math.log(processor / before[1]) / math.log(size / before[0]):.2f}"
        before = (size, processor)
        print(f"| {size:,} | {wall:.2f} | {processor:.2f} | {peak / 1e6:.0f} | {grows} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="slm-cli")
    parser.add_argument("worker", help="timed_work")
    parser.add_argument("folder", help="a language model with random weights")
    parser.add_argument("--seconds", type=int, nargs="*", default=[5, 30, 60, 300, 600, 1800, 3600])
    parser.add_argument("--phrases", type=int, nargs="*", default=[10, 100, 1000, 10_000, 100_000])
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--written", type=int, nargs="*", default=[16, 32, 64, 128, 256, 512])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    source = hour.utterances(hour.ROOT / "tests/audio/test/manifest.jsonl")
    transcribe = [args.program, "transcribe", "--quiet"]

    if args.seconds:
        table(
            "Audio, s",
            args.seconds,
            args.rounds,
            lambda seconds: by_program([*transcribe, "-"], recording(source, seconds)),
        )
    if args.phrases:
        with tempfile.TemporaryDirectory() as folder:

            def with_phrases(count):
                path = Path(folder) / f"{count}.txt"
                if not path.exists():
                    with path.open("w", encoding="utf-8") as file:
                        file.writelines(names(count))
                return by_program([*transcribe, "--context", str(path), "-"], recording(source, PHRASE_SECONDS))

            table("Phrases", args.phrases, args.rounds, with_phrases)
    if args.batch:
        table(
            "Texts at once, 200 ids read and 32 written",
            args.batch,
            args.rounds,
            lambda batch: by_worker(args.worker, args.folder, f"write {batch} 1 200 32"),
        )
    if args.written:
        table(
            "Tokens written, after 200 read",
            args.written,
            args.rounds,
            lambda written: by_worker(args.worker, args.folder, f"write 1 1 200 {written}"),
        )


if __name__ == "__main__":
    main()
