"""Memory and time of training an adapter on many short rows.

    cargo build --release -p slm-train
    python tests/bench/rows.py target/release/slm-train work/rows [--rows 200000] [-- --backend flex]

Makes a corpus of tar shards in the folder, each row a tenth of a second of noise of its own with a word, and trains an
adapter between the parts of `weights/slm-tiny` for 100 steps, twice: first the encoder hears all rows, then what it gave is
read from the disk. Printed are peak memory, seconds and the size of the kept outputs, as a table. A corpus that is there
already is used again.
"""

import argparse
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import time
import wave

ROWS_A_SHARD = 10_000
SAMPLES = 1_600
WORDS = "on off up down left right stop go yes no".split()
PARTS = pathlib.Path(__file__).resolve().parents[2] / "weights" / "slm-tiny"
SETTINGS = """
name = "rows"
encoder = {encoder}
llm = {llm}
train_manifest = {train}
dev_manifest = {dev}
cache = {cache}
order = "speech-first"
tasks = ["transcribe"]
batch_tokens = 500

[train]
steps = 100
warmup_steps = 10
log_every = 20
save_every = 100
eval_every = 100
"""


def sound(noise, row):
    """A WAV file with a stretch of noise that no other row has."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(noise[2 * row : 2 * (row + SAMPLES)])
    return file.getvalue()


def make(folder, rows):
    """Writes the shards that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(1).randbytes(2 * (rows + SAMPLES))
    for first in range(0, rows, ROWS_A_SHARD):
        path = folder / f"shard-{first // ROWS_A_SHARD:05}.tar"
        if path.exists():
            continue
        with tarfile.open(path.with_suffix(".tmp"), "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in range(first, min(first + ROWS_A_SHARD, rows)):
                text = {"text": WORDS[row % len(WORDS)], "duration": SAMPLES / 16_000}
                for ending, data in (("json", json.dumps(text).encode()), ("wav", sound(noise, row))):
                    member = tarfile.TarInfo(f"{row:07}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
        path.with_suffix(".tmp").rename(path)


def measure(command):
    """Peak memory in bytes and seconds of a program."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: status {status}")
    return usage.ru_maxrss * 1024, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("options", nargs="*", help="for the program, after --")
    arguments = parser.parse_args()
    folder = arguments.folder
    train, dev, cache = folder / f"rows-{arguments.rows}", folder / "dev", folder / "cache"
    make(train, arguments.rows)
    make(dev, 100)
    for old in ("cache", "run-1", "run-2", "out-1", "out-2"):
        shutil.rmtree(folder / old, ignore_errors=True)
    paths = {
        "encoder": PARTS / "encoder", "llm": PARTS / "llm", "train": train, "dev": dev, "cache": cache,
    }
    settings = folder / "adapter.toml"
    settings.write_text(SETTINGS.format(**{name: json.dumps(str(path)) for name, path in paths.items()}))
    print("| run | rows | peak, MB | seconds | kept on disk, MB |\n|---|---|---|---|---|")
    for number, name in enumerate(("encodes and trains", "reads and trains"), 1):
        peak, seconds = measure([
            arguments.program, *arguments.options, "adapter", "--config", settings,
            "--run", folder / f"run-{number}", "--out", folder / f"out-{number}",
        ])
        kept = sum(path.stat().st_size for path in cache.rglob("*.states"))
        print(f"| {name} | {arguments.rows} | {peak / 1e6:.0f} | {seconds:.0f} | {kept / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
