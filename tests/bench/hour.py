"""Time and peak memory of slm-cli for long recordings, which are made while the program reads them.

    cargo build --release -p slm-cli
    python tests/bench/hour.py target/release/slm-cli --seconds 30 3600 36000 [-- OPTIONS]
    python tests/bench/hour.py target/release/slm-cli --seconds 30 3600 --as file [-- OPTIONS]

A recording is made of the utterances of a manifest, in random order, with pauses of 0.2 to 2 s. It is the same each time. By
default it goes into the program's standard input as a WAV whose header does not know its length; `--as raw` gives the
samples alone (`--raw s16le,16000,1`), `--as file` writes a file first. `--sounds` puts a minute of white noise or of silence
after every ten minutes. OPTIONS go to `slm-cli transcribe`.

Printed is a table of wall time, processor time, peak resident memory (also as a multiple of the first length's, which
should be 30 s), and words that are wrong, where numpy is there to count them.
"""

import argparse
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

RATE = 16_000
PAUSES = (0.2, 2.0)
UNKNOWN_LENGTH = 0xFFFFFFFF
ROOT = Path(__file__).resolve().parents[2]


def utterances(manifest):
    """Samples as bytes, and the text, of every row."""
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = []
    for row in rows:
        with wave.open(str(manifest.parent / row["audio_filepath"])) as file:
            shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if shape != (RATE, 1, 2):
                sys.exit(f"{row['audio_filepath']}: {shape}, expected {RATE} Hz, mono, 16 bits")
            found.append((file.readframes(file.getnframes()), row["text"]))
    return found


def white(rng, seconds):
    """Noise at -30 dBFS: uniform samples of this peak."""
    peak = int(32767 * 10 ** (-30 / 20) * 3**0.5)
    count = int(RATE * seconds)
    return struct.pack(f"<{count}h", *(rng.randint(-peak, peak) for _ in range(count)))


def pieces(source, seconds, sounds):
    """Bytes of samples and texts (none for a pause), until there are so many seconds."""
    rng = random.Random(1)
    noise = white(rng, 60) if sounds else b""
    silence = bytes(len(noise))
    done, order, next_sound = 0.0, [], 600.0
    while done < seconds:
        if not order:
            order = rng.sample(source, len(source))
        samples, text = order.pop()
        pause = bytes(2 * int(RATE * rng.uniform(*PAUSES)))
        if sounds and done >= next_sound:
            pause = noise if rng.random() < 0.5 else silence
            next_sound += 600.0
        yield samples, text
        yield pause, None
        done += (len(samples) + len(pause)) / (2 * RATE)


def header(data_bytes):
    riff = min(data_bytes + 36, UNKNOWN_LENGTH)
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return form + struct.pack("<4sI", b"data", min(data_bytes, UNKNOWN_LENGTH))


def errors(reference, found):
    """Word edits between two lists of words; None without numpy."""
    try:
        import numpy
    except ImportError:
        return None
    ids = {word: number for number, word in enumerate(sorted({*reference, *found}))}
    found = numpy.array([ids[word] for word in found], dtype=numpy.int32)
    places = numpy.arange(len(found) + 1, dtype=numpy.int32)
    row = places.copy()
    for number, word in enumerate(reference):
        other = numpy.minimum(row[1:] + 1, row[:-1] + (found != ids[word]))
        # An insertion takes the best place before and one more for each word since.
        row = numpy.minimum.accumulate(numpy.concatenate([[number + 1], other]) - places) + places
    return int(row[-1])


def measure(command, chunks):
    """Runs the program, feeding it the chunks if there are some: its output, wall and processor seconds, peak bytes."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    output = process.stdout.read().decode("utf-8")
    feeder.join()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
    # A child counts what its parent held when it was started.
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        print("the peak is this script's own; the program's is lower", file=sys.stderr)
    return output, time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def run(args, source, seconds, options):
    """The measurement of one length."""
    texts, count = [], 0

    def chunks():
        nonlocal count
        for samples, text in pieces(source, seconds, args.sounds):
            if text is not None:
                texts.append(text)
            count += len(samples)
            yield samples

    command = [args.program, "transcribe", *options]
    if args.kind == "file":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "long.wav"
            with open(path, "wb") as file:
                file.write(header(0))
                for chunk in chunks():
                    file.write(chunk)
                file.seek(0)
                file.write(header(count))
            result = measure([*command, str(path)], [])
    elif args.kind == "raw":
        result = measure([*command, "--raw", "s16le,16000,1", "-"], chunks())
    else:

        def stream():
            yield header(UNKNOWN_LENGTH)
            yield from chunks()

        result = measure([*command, "-"], stream())
    return result, " ".join(texts).split(), count / (2 * RATE)


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, options = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the path of slm-cli")
    parser.add_argument("--seconds", type=float, nargs="+", default=[30, 3600], help="lengths of the recordings")
    parser.add_argument("--as", dest="kind", choices=["pipe", "raw", "file"], default="pipe", help="how it is given")
    parser.add_argument("--sounds", action="store_true", help="a minute of noise or silence after every ten minutes")
    parser.add_argument("--manifest", type=Path, default=ROOT / "tests/audio/test/manifest.jsonl", help="16 kHz, mono, 16 bits")
    args = parser.parse_args(arguments)
    source = utterances(args.manifest)
    print("| audio, s | wall, s | processor, s | wall / audio | peak, MB | of the first | words | wrong |")
    print("|---|---|---|---|---|---|---|---|")
    first = None
    for seconds in args.seconds:
        (output, wall, processor, peak), words, audio = run(args, source, seconds, options)
        first = first or peak
        wrong = errors(words, output.split())
        share = "-" if wrong is None else f"{100 * wrong / len(words):.2f} %"
        print(
            f"| {audio:.0f} | {wall:.1f} | {processor:.1f} | {wall / audio:.4f} | {peak / 1e6:.0f}"
            f" | {peak / first:.2f} | {len(words)} | {share} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
