"""Times this project and its peers on the same random weights, in turns, and prints tables of medians and ratios.

    cargo build --release -p slm-tests --example timed_work
    pip install -r tests/bench/requirements.txt
    python tests/bench/make_large.py large
    cargo build --release --manifest-path tests/bench/candle_t5/Cargo.toml --target-dir target/candle
    python tests/bench/peers.py target/release/examples/timed_work large [--candle target/candle/release/candle_t5] \
        [--rounds 5] [--only w2v-bert] [--beside llama.cpp] [-- --dtype q8_0]

The programs are started once for each model, each on as many threads as there are cores, and wait while another works. A round is
all programs once, so that what else the machine does falls on all of them. The first round is not counted. Of each piece of work
the table has the median seconds, and the ratio of each peer's median to this project's (above 1: this project is faster) with the
interval of 95 % of it, by resampling rounds.

What is timed is the encoder on features, and reading and writing of tokens with a language model; loading is not. Peers are
transformers (PyTorch), CTranslate2 and candle for T5, and llama.cpp for models that are also there as FOLDER.gguf, which `slm-cli
quantize FOLDER --dtype q8_0 --out FOLDER.gguf` writes. One that is not installed is left out, and said so.

Before that the machine's own limits are measured with PyTorch: a product of matrices, and how fast memory is read.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORK = {
    "w2v-bert": ["encode 10", "encode 30"],
    "flan-t5-base": ["write 1 1 200 64", "write 8 1 200 64", "write 1 4 200 64"],
    "llama-1b": ["write 1 1 200 1", "write 1 1 200 64"],
}
NOT_THERE = 3


def read_ids(batch, count):
    return [[3 + (row + i) * 31 % 30_000 for i in range(count)] for row in range(batch)]


# Each peer gives a function that does the work of one line; it may leave a work out by `None`.


def transformers(folder, threads):
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    torch.set_num_threads(threads)
    config = AutoConfig.from_pretrained(folder)
    if "write" not in WORK[folder.name][0]:
        model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        width = config.feature_projection_input_dim

        def encode(seconds):
            frames = torch.randn(1, 50 * seconds - 1, width)
            return lambda: model(frames)

        return lambda name, *sizes: encode(*sizes)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()

    def write(batch, beams, read, written):
        ids = torch.tensor(read_ids(batch, read))
        how = {"do_sample": False, "num_beams": beams, "min_new_tokens": written, "max_new_tokens": written}
        if config.is_encoder_decoder:
            how["decoder_start_token_id"] = config.pad_token_id
        return lambda: model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **how)

    return lambda name, *sizes: write(*sizes)


def ctranslate2(folder, threads, compute_type):
    import ctranslate2
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokens = ["<pad>", "</s>", "<unk>"] + [f"t{i}" for i in range(3, vocabulary)]
    converted = folder.parent / f"{folder.name}-ctranslate2-{compute_type}"
    if not converted.exists():
        # The converter wants a tokenizer, which random weights have none of.
        with tempfile.TemporaryDirectory() as place:
            for file in folder.iterdir():
                os.symlink(file.resolve(), Path(place) / file.name)
            ids = {token: i for i, token in enumerate(tokens)}
            PreTrainedTokenizerFast(
                tokenizer_object=Tokenizer(models.WordLevel(ids, "<unk>")),
                pad_token="<pad>",
                eos_token="</s>",
                unk_token="<unk>",
            ).save_pretrained(place)
            ctranslate2.converters.TransformersConverter(place).convert(
                str(converted), quantization=compute_type
            )
    model = ctranslate2.Translator(str(converted), compute_type=compute_type, intra_threads=threads)

    def write(batch, beams, read, written):
        rows = [[tokens[i] for i in row] for row in read_ids(batch, read)]
        return lambda: model.translate_batch(
            rows, beam_size=beams, min_decoding_length=written, max_decoding_length=written
        )

    return lambda name, *sizes: write(*sizes)


def llama_cpp(folder, threads):
    from llama_cpp import Llama

    model = Llama(
        str(folder) + ".gguf", n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False
    )

    def write(batch, beams, read, written):
        if (batch, beams) != (1, 1):
            return None

        def run():
            model.reset()
            ids = model.generate(read_ids(1, read)[0], temp=0.0)
            for _ in range(written):
                next(ids)

        return run

    return lambda name, *sizes: write(*sizes)


PEERS = ["transformers", "ctranslate2 f32", "ctranslate2 int8", "llama.cpp"]


def peers_of(folder):
    """Names of those that have the model."""
    names = ["transformers"]
    if folder.name.startswith("flan-t5"):
        names += ["ctranslate2 f32", "ctranslate2 int8"]
    if Path(str(folder) + ".gguf").exists():
        names.append("llama.cpp")
    return names


def work_as(peer, folder, threads):
    """What a peer's process does: the work of each line of its input."""
    started = {
        "transformers": lambda: transformers(folder, threads),
        "ctranslate2 f32": lambda: ctranslate2(folder, threads, "float32"),
        "ctranslate2 int8": lambda: ctranslate2(folder, threads, "int8"),
        "llama.cpp": lambda: llama_cpp(folder, threads),
    }
    try:
        work = started[peer]()
    except ImportError as missing:
        print(missing, file=sys.stderr)
        sys.exit(NOT_THERE)
    print("ready", flush=True)
    import contextlib

    inference = contextlib.nullcontext
    if peer == "transformers":
        import torch

        inference = torch.inference_mode
    for line in sys.stdin:
        name, *sizes = line.split()
        run = work(name, *map(int, sizes))
        if run is None:
            print("null", flush=True)
            continue
        start = time.perf_counter()
        with inference():
            run()
        print(time.perf_counter() - start, flush=True)


class Program:
    """A process that does the work of one line at a time."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def is_ready(self):
        for line in self.process.stdout:
            if line.strip() == "ready":
                return True
        if self.process.wait() != NOT_THERE:
            sys.exit(f"{self.process.args}: status {self.process.returncode}")
        return False

    def time(self, work):
        self.process.stdin.write(work + "\n")
        self.process.stdin.flush()
        found = self.process.stdout.readline()
        if not found:
            sys.exit(f"{self.process.args}: status {self.process.wait()}")
        return json.loads(found)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def interval(ours, theirs):
    """Of the ratio of medians, 95 %, by resampling rounds."""
    rng = random.Random(1)
    ratios = []
    for _ in range(2000):
        rounds = rng.choices(range(len(ours)), k=len(ours))
        ratios.append(
            statistics.median(theirs[i] for i in rounds) / statistics.median(ours[i] for i in rounds)
        )
    ratios.sort()
    return ratios[50], ratios[-51]


def compare(program, candle, beside, folder, rounds, threads, options):
    programs = {"this project": Program([program, str(folder), *options])}
    if candle and folder.name.startswith("flan-t5"):
        programs["candle f32"] = Program([candle, str(folder)])
    for peer in filter(beside.__contains__, peers_of(folder)):
        command = [sys.executable, __file__, program, str(folder), "--peer", peer, "--threads", str(threads)]
        programs[peer] = Program(command)
    for name in list(programs):
        if not programs[name].is_ready():
            print(f"{name} is not installed: left out", file=sys.stderr)
            del programs[name]
    for work in WORK[folder.name]:
        seconds = {name: [] for name in programs}
        for _ in range(rounds + 1):
            for name in programs:
                seconds[name].append(programs[name].time(work))
        ours = seconds["this project"][1:]
        for name, found in seconds.items():
            found = found[1:]
            if None in found:
                continue
            row = f"| {folder.name} | {work} | {name} | {statistics.median(found):.2f} |"
            if name == "this project":
                print(f"{row} |", flush=True)
                continue
            low, high = interval(ours, found)
            ratio = statistics.median(found) / statistics.median(ours)
            print(f"{row} {ratio:.2f} ({low:.2f} to {high:.2f}) |", flush=True)
    for running in programs.values():
        running.end()


def machine(threads):
    """What the machine can do at best, as PyTorch reaches it."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(499, 1024), torch.randn(1024, 4096)
    large = torch.randn(1 << 26)

    def best(work):
        times = []
        for _ in range(9):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    product = 2 * 499 * 1024 * 4096 / best(lambda: a @ b) / 1e9
    reading = large.numel() * 4 / best(lambda: large.sum()) / 1e9
    processor, flags = platform.processor(), set()
    if Path("/proc/cpuinfo").exists():
        entries = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
        known = {name.strip(): value.strip() for name, value in entries}
        processor = known.get("model name", processor)
        flags = set(known.get("flags", "").split()) & {"avx2", "fma", "f16c", "avx512f", "avx512_vnni", "amx_int8"}
    print(f"{threads} threads of {processor} ({' '.join(sorted(flags))}),", end=" ")
    print(f"PyTorch {torch.__version__}: products {product:.0f} GFLOP/s, memory read at {reading:.1f} GB/s\n", flush=True)


def main():
    options = []
    arguments = sys.argv[1:]
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="timed_work; OPTIONS behind -- go to it")
    parser.add_argument("folder", type=Path, help="that of make_large.py")
    parser.add_argument("--candle", help="candle_t5")
    parser.add_argument("--beside", choices=PEERS, action="append", help="these peers alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WORK, action="append")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.peer:
        return work_as(args.peer, args.folder, args.threads)
    machine(args.threads)
    print("| Model | Work | Program | Median, s | Its time / ours (95 %) |")
    print("|---|---|---|---|---|")
    for name in args.only or WORK:
        if (args.folder / name).exists():
            beside = args.beside or PEERS
            compare(args.program, args.candle, beside, args.folder / name, args.rounds, args.threads, options)


if __name__ == "__main__":
    main()
