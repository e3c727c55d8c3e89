"""Peak memory and time of loading a model, and of running it.

    cargo build --release -p slm-tests --example run_model
    python tests/bench/make_large.py large
    python tests/bench/memory.py target/release/examples/run_model large/w2v-bert large/flan-t5-base [-- OPTIONS]

For every folder the program loads the model and ends, then loads it and runs it; OPTIONS (--backend NAME, --dtype
TYPE) go to it. Printed are the peak of its resident memory, that over the size of the loaded weights, and seconds.
"""

import json
import os
import subprocess
import sys
import time


def measure(command):
    """What the program printed, its peak memory in bytes, and its seconds."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: status {status}")
    return json.loads(output), usage.ru_maxrss * 1024, time.monotonic() - start


def main():
    program, *rest = sys.argv[1:]
    split = rest.index("--") if "--" in rest else len(rest)
    folders, options = rest[:split], rest[split + 1 :]
    print("| folder | run | weights in memory, MB | peak, MB | peak / weights | load, s | run, s |")
    print("|---|---|---|---|---|---|---|")
    for folder in folders:
        for steps in ("load", "run"):
            found, peak, _ = measure([program, folder, steps, *options])
            loaded = found["bytes"]
            print(
                f"| {os.path.basename(os.path.normpath(folder))} | {steps} | {loaded / 1e6:.0f} | {peak / 1e6:.0f}"
                f" | {peak / loaded:.3f} | {found['load_seconds']:.1f} | {found['run_seconds']:.1f} |"
            )


if __name__ == "__main__":
    main()
