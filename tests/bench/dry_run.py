"""What `--dry-run` tells beside what a training takes, with the encoder's outputs kept and not, and with activations recomputed.

    cargo build --release -p slm-train
    python tests/bench/make_large.py large
    python tests/bench/dry_run.py target/release/slm-train large/w2v-bert large/flan-t5-base work/dry-run [--steps 8] [--tokens 500]

Makes a small corpus of utterances of about 12 s in the folder, and trains an adapter of two layers between the two models for so
many steps, in batches of so many tokens. Each row is a dry run and the training that it is about: the memory that the first tells and
the peak of the second, seconds a step of both. The outputs are encoded before the first training, so that a peak is that of steps.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import make_corpora

TASKS = '[[task]]\nname = "transcribe"\ntarget = "text"\nphrasings = [": repeat the text"]\n'
WAYS = {
    "kept outputs": [],
    "the same, activations recomputed": ["--set", "train.activations=recomputed"],
    "outputs made anew (`--cache off`)": ["--cache", "off"],
}


def settings(args, train, dev, tasks):
    paths = {"encoder": args.encoder, "llm": args.llm, "train_manifest": train, "dev_manifest": dev, "tasks": tasks}
    lines = [f"{name} = {json.dumps(str(path.resolve()))}" for name, path in paths.items()]
    return "\n".join(
        [
            'name = "dry-run"',
            *lines,
            f"cache = {json.dumps(str((args.folder / 'cache').resolve()))}",
            'order = "speech-first"',
            f"batch_tokens = {args.tokens}",
            "[model]",
            'reduction = { kind = "stride", every = 4 }',
            'output = "projected"',
            "hidden_size = 512",
            "num_layers = 2",
            "num_heads = 8",
            "intermediate_size = 1024",
            "dropout = 0.0",
            "[train]",
            f"steps = {args.steps}",
            "warmup_steps = 1",
            "log_every = 1",
            f"save_every = {args.steps}",
            f"eval_every = {args.steps}",
            "samples = 0",
        ]
    )


def run(command):
    """What a program prints, and its peak in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
    return output, usage.ru_maxrss * 1024


def figure(text, name):
    """The number behind a name in a dry run's table."""
    found = re.search(rf"^{name}\s+([0-9.]+)", text, re.MULTILINE)
    if not found:
        sys.exit(f"no `{name}` in:\n{text}")
    return float(found.group(1))


def step_seconds(folder):
    """The mean of the steps behind the first."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    at = {line["step"]: line["seconds"] for line in lines if "loss" in line}
    steps = sorted(at)
    return (at[steps[-1]] - at[steps[0]]) / (steps[-1] - steps[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the path of slm-train")
    parser.add_argument("encoder", type=Path)
    parser.add_argument("llm", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=500)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    rng, source = random.Random(1), list(make_corpora.utterances())
    train, dev, tasks = args.folder / "train", args.folder / "dev", args.folder / "tasks.toml"
    make_corpora.librispeech(rng, source, train, args.rows)
    make_corpora.librispeech(rng, source, dev, 4)
    tasks.write_text(TASKS)
    config = args.folder / "adapter.toml"
    config.write_text(settings(args, train, dev, tasks))

    def command(name, *options):
        places = ["--run", args.folder / f"run-{name}", "--out", args.folder / f"out-{name}"]
        return [args.program, "adapter", "--config", config, *places, *options, "--link"]

    run(command("first"))
    print("| Way | Told, GiB | Peak, GiB | Told / peak | Told, s a step | Took, s a step |\n|---|---|---|---|---|---|")
    for number, (name, options) in enumerate(WAYS.items()):
        told, _ = run(command(f"dry-{number}", *options, "--dry-run"))
        _, peak = run(command(number, *options))
        memory, seconds = figure(told, "memory of the host"), figure(told, "seconds a step")
        peak, took = peak / 2**30, step_seconds(args.folder / f"run-{number}")
        print(f"| {name} | {memory:.2f} | {peak:.2f} | {memory / peak:.2f} | {seconds:.2f} | {took:.2f} |", flush=True)


if __name__ == "__main__":
    main()
