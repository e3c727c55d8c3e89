"""Seconds and peak memory of a speech language model: of slm-cli, and of transformers on the same folder, in turn.

    cargo build --release -p slm-cli
    python tests/bench/make_granite_speech.py large/granite
    python tests/bench/speech_llm.py target/release/slm-cli large/granite --rounds 2 [-- OPTIONS]

Both read 30 s of the committed utterances and write as many tokens, which with random weights never end by themselves. Of
slm-cli it is also shown what loading alone takes (`info --load`). A text of random weights does not fit the sound, so that a
transcript would be written again in other ways: what is asked for is a translation, which is read and written the same way,
once. OPTIONS go to slm-cli. Needs torch 2.9.0, torchaudio 2.9.0 and transformers 5.23.0.

Printed is a table of wall time, processor time and peak resident memory, also over the bytes of the weights in 16 bits.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hour import RATE, ROOT, header, utterances

QUESTION = "<|audio|>translate the speech to French."


def write_audio(path, seconds):
    rows = itertools.cycle(utterances(ROOT / "tests/audio/test/manifest.jsonl"))
    data = b""
    while len(data) < 2 * RATE * seconds:
        data += next(rows)[0]
    data = data[: 2 * int(RATE * seconds)]
    path.write_bytes(header(len(data)) + data)


def measure(command):
    """Wall and processor seconds and peak bytes of a program."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def transformers(folder, audio, tokens, dtype):
    import numpy
    import torch
    from transformers import AutoProcessor, GraniteSpeechForConditionalGeneration

    processor = AutoProcessor.from_pretrained(folder)
    model = GraniteSpeechForConditionalGeneration.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    if tokens == 0:
        return
    sound = torch.from_numpy(numpy.frombuffer(Path(audio).read_bytes()[44:], "<i2") / numpy.float32(32768))
    messages = [{"role": "user", "content": QUESTION}]
    prompt = processor.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = processor(prompt, sound[None], return_tensors="pt")
    inputs["input_features"] = inputs["input_features"].to(model.dtype)
    with torch.inference_mode():
        ids = model.generate(**inputs, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)
    assert ids.shape[1] == inputs["input_ids"].shape[1] + tokens


def main():
    options = []
    arguments = sys.argv[1:]
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="slm-cli, or `transformers` for one run of it")
    parser.add_argument("folder", type=Path)
    types = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
    parser.add_argument("--dtype", default="f16", choices=types)
    parser.add_argument("--their-dtype", default="bf16", choices=types, help="that of transformers")
    parser.add_argument("--seconds", type=float, default=29.9)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--audio", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.program == "transformers":
        return transformers(args.folder, args.audio, args.tokens, types[args.dtype])

    weights = sum(file.stat().st_size for file in args.folder.glob("*.safetensors"))
    print("| Program | | Wall, s | Processor, s | Peak, MB | Peak / weights |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / "audio.wav"
        write_audio(audio, args.seconds)
        own = ["--backend", "flex", "--dtype", args.dtype]
        model, tokens = str(args.folder), str(args.tokens)
        again = [sys.executable, __file__, "transformers", model, "--dtype", args.their_dtype, "--audio", str(audio)]
        runs = [
            ("slm-cli", "loaded", [args.program, "info", "--load", *own, model, *options]),
            (
                "slm-cli",
                "loaded and run",
                [args.program, "translate", "--to", "french", "--no-vad", *own, "--bundle", model,
                 "--max-new-tokens", tokens, str(audio), *options],
            ),
            ("transformers", "loaded", [*again, "--tokens", "0"]),
            ("transformers", "loaded and run", [*again, "--tokens", tokens]),
        ]
        for name, what, command in runs * args.rounds:
            wall, processor, peak = measure(command)
            print(
                f"| {name} | {what} | {wall:.1f} | {processor:.1f} | {peak / 1e6:.0f} | {peak / weights:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
