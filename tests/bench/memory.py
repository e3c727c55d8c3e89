"""Peak memory and time of loading a model, of running it, and of encoding long audio.

    cargo build --release -p slm-tests --example run_model --example encode_long
    python tests/bench/make_large.py large
    python tests/bench/memory.py target/release/examples/run_model large/w2v-bert large/flan-t5-base [-- OPTIONS]
    python tests/bench/memory.py target/release/examples/encode_long large/w2v-bert --seconds 10 30 60 [-- OPTIONS]

`run_model` loads the model and ends, then loads it and runs it, for every folder. `encode_long` loads an encoder and
encodes so many seconds of noise at once, a process for each length. OPTIONS (--backend NAME, --dtype TYPE) go to the
program. Printed are the peak of its resident memory and seconds, as a table.
"""

import argparse
import json
import os
import subprocess
import sys


def measure(command):
    """What the program printed and its peak memory in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: status {status}")
    return json.loads(output), usage.ru_maxrss * 1024


def name(folder):
    return os.path.basename(os.path.normpath(folder))


def run_models(program, folders, options):
    print("| folder | run | weights in memory, MB | peak, MB | peak / weights | load, s | run, s |")
    print("|---|---|---|---|---|---|---|")
    for folder in folders:
        for steps in ("load", "run"):
            found, peak = measure([program, folder, steps, *options])
            loaded = found["bytes"]
            print(
                f"| {name(folder)} | {steps} | {loaded / 1e6:.0f} | {peak / 1e6:.0f}"
                f" | {peak / loaded:.3f} | {found['load_seconds']:.1f} | {found['run_seconds']:.1f} |"
            )


def encode_long(program, folders, lengths, options):
    print("| folder | audio, s | states | peak after loading, MB | peak, MB | load, s | encode, s |")
    print("|---|---|---|---|---|---|---|")
    for folder in folders:
        for seconds in lengths:
            found, peak = measure([program, folder, str(seconds), *options])
            # The system's own figure is that of the process as well, and is there on every Unix.
            loaded, peak = found["load_peak"] or 0, found["peak"] or peak
            print(
                f"| {name(folder)} | {seconds:g} | {found['states']} | {loaded / 1e6:.0f} | {peak / 1e6:.0f}"
                f" | {found['load_seconds']:.1f} | {found['encode_seconds']:.1f} |"
            )


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--seconds", type=float, nargs="+", help="lengths of audio, for encode_long")
    args = parser.parse_args(arguments)
    if args.seconds:
        encode_long(args.program, args.folders, args.seconds, options)
    else:
        run_models(args.program, args.folders, options)


if __name__ == "__main__":
    main()
