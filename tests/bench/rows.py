"""Memory and time of training an adapter on many short rows.

    cargo build --release -p slm-train
    python tests/bench/rows.py [--rows 200000] target/release/slm-train work/rows [-- --backend flex]

Makes a corpus in the folder, each row a tenth of a second of noise of its own with a word, and trains an
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
import time
import wave

ROWS_A_FOLDER = 1_000
SAMPLES = 1_600
WORDS = "on off up down left right stop go yes no".split()
PARTS = pathlib.Path(__file__).resolve().parents[2] / "weights" / "slm-tiny"
TASKS = '[[task]]\nname = "transcribe"\ntarget = "text"\nphrasings = [": repeat the text"]\n'
SETTINGS = """
name = "rows"
encoder = {encoder}
llm = {llm}
train_manifest = {train}
dev_manifest = {dev}
cache = {cache}
order = "speech-first"
tasks = {tasks}
batch_tokens = 500

[train]
steps = 100
warmup_steps = 10
log_every = 20
save_every = 100
eval_every = 100
"""


def header():
    """The first bytes of every WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(2 * SAMPLES))
    return file.getvalue()[: -2 * SAMPLES]


def make(folder, rows):
    """Writes recordings and a manifest of them, which is there last, and gives it."""
    manifest = folder / "manifest.jsonl"
    if manifest.exists():
        return manifest
    # Every row is another stretch of noise.
    noise, head = random.Random(rows).randbytes(2 * (rows + SAMPLES)), header()
    lines = []
    for row in range(rows):
        path = folder / str(row // ROWS_A_FOLDER) / f"{row}.wav"
        if row % ROWS_A_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + noise[2 * row : 2 * (row + SAMPLES)])
        text = {"duration": SAMPLES / 16_000, "text": WORDS[row % len(WORDS)]}
        lines.append(json.dumps({"audio_filepath": str(path.relative_to(folder)), **text}))
    manifest.write_text("\n".join(lines))
    return manifest


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
    train, dev = make(folder / f"rows-{arguments.rows}", arguments.rows), make(folder / "dev", 100)
    cache = folder / "cache"
    for old in ("cache", "run-1", "run-2", "out-1", "out-2"):
        shutil.rmtree(folder / old, ignore_errors=True)
    paths = {
        "encoder": PARTS / "encoder", "llm": PARTS / "llm", "train": train, "dev": dev, "cache": cache,
        "tasks": folder / "tasks.toml",
    }
    paths["tasks"].write_text(TASKS)
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
