"""Speaks sentences into files, each with a voice, rate, pitch, band, level and silence of its own."""

import json
import math
import multiprocessing
import queue
import random
import shutil
import sys
import time

import numpy as np
import soundfile

from voices import KNOWN, UNSEEN, Synthesiser, fetch

RATE = 16_000
# The share of each engine. whisper-base mishears espeak-ng more often than the others; Kokoro is the most human, and the slowest.
SHARES = {
    "known": {"espeak": 0.28, "flite": 0.50, "piper": 0.19, "kokoro": 0.03},
    "unseen": {"espeak": 0.30, "flite": 0.25, "kokoro": 0.45},
}
TELEPHONE = 0.3
FILES_OF_FOLDER = 1000


def resample(samples, source, target):
    """To another rate, by Fourier transform, with room at the ends so that they do not meet."""
    room = 1024
    padded = np.pad(samples.astype(np.float64), room)
    length = round(len(padded) * target / source)
    spectrum = np.fft.rfft(padded)
    size = length // 2 + 1
    spectrum = spectrum[:size] if size <= len(spectrum) else np.pad(spectrum, (0, size - len(spectrum)))
    made = np.fft.irfft(spectrum, length) * (length / len(padded))
    cut = round(room * target / source)
    return made[cut : len(made) - cut]


def trim(samples, rate):
    """Without the silence around, but 20 ms of it."""
    loud = np.flatnonzero(np.abs(samples) > np.max(np.abs(samples), initial=0) * 0.006)
    if len(loud) == 0:
        raise ValueError("nothing is said")
    room = rate // 50
    return samples[max(0, loud[0] - room) : loud[-1] + room]


def telephone(samples, chance):
    """The band of a telephone at 8 kHz, half the time through eight bits by the mu law."""
    size = len(samples)
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    low, high = chance.uniform(100, 320), chance.uniform(3200, 3800)
    # Edges of 60 and 150 Hz.
    spectrum *= 1 / (1 + np.exp(-(frequency - low) / 15)) / (1 + np.exp((frequency - high) / 38))
    samples = np.fft.irfft(spectrum, size)
    if chance.random() < 0.5:
        narrow = resample(samples, RATE, 8000)
        peak = np.max(np.abs(narrow), initial=1e-9) * 1.2
        bent = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / math.log(256)
        bent = np.round(bent * 127) / 127
        narrow = np.sign(bent) * (256 ** np.abs(bent) - 1) / 255 * peak
        samples = resample(narrow, 8000, RATE)
    return samples


def finish(samples, rate, scale, chance):
    """At 16 kHz, of another size of mouth (`scale`), band and level, with silence around."""
    samples = resample(trim(samples, rate), rate * scale, RATE)
    if chance.random() < TELEPHONE:
        samples = telephone(samples, chance)
    level = 10 ** (chance.uniform(-34, -16) / 20) / max(math.sqrt(np.mean(samples**2)), 1e-9)
    samples = samples * min(level, 0.95 / np.max(np.abs(samples)))
    before, after = chance.uniform(0.05, 0.6), chance.uniform(0.1, 0.8)
    samples = np.pad(samples, (round(before * RATE), round(after * RATE)))
    if chance.random() < 0.5:
        floor = 10 ** (chance.uniform(-75, -55) / 20)
        noise = np.random.default_rng(chance.getrandbits(64)).standard_normal(len(samples))
        samples = np.clip(samples + floor * noise, -1, 1)
    return samples


class Plan:
    """What is said by whom: a function of the seed and the number of the utterance."""

    def __init__(self, rows, voices, split, seed):
        self.rows, self.split, self.seed, self.which = rows, split, seed, voices
        pool = KNOWN if voices == "known" else UNSEEN
        self.pool = {engine: pool[engine] for engine in SHARES[voices] if pool[engine]}

    def utterance(self, index):
        """What the manifest says of it, what is spoken, engine, voice, speed, pitch, scale, and the chance of the rest."""
        chance = random.Random(f"{self.seed} {self.split} {self.which} {index}")
        row = self.rows[index % len(self.rows)]
        shares = [SHARES[self.which][engine] for engine in self.pool]
        (engine,) = chance.choices(list(self.pool), weights=shares)
        voice = chance.choice(self.pool[engine])
        speed = math.exp(chance.uniform(-0.25, 0.22))
        pitch = chance.uniform(-1, 1)
        # The few voices of these are made more by another length of the vocal tract.
        scale = math.exp(chance.uniform(-0.12, 0.12)) if engine in ("flite", "piper") else math.exp(chance.uniform(-0.05, 0.05))
        told = {name: value for name, value in row.items() if name not in ("spoken", "kind", "split")}
        return told, row["spoken"], engine, voice, speed / scale, pitch, scale, chance


def work(plan, folder, models, kind, indices, results):
    """One process: speaks the utterances of `indices`."""
    engines = Synthesiser(models)
    for index in indices:
        told, spoken, engine, voice, speed, pitch, scale, chance = plan.utterance(index)
        name = f"{index // FILES_OF_FOLDER:03}/{index:06}.{kind}"
        path = folder / name
        try:
            samples, rate = engines.say(engine, voice, spoken, speed, pitch)
            samples = finish(samples, rate, scale, chance)
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_suffix(".part")
            soundfile.write(temporary, samples, RATE, "PCM_16", format=kind.upper())
            temporary.replace(path)
        except Exception as error:
            results.put((index, None, f"{engine} {voice}: {error!r}"))
            continue
        row = {"audio_filepath": name, "duration": round(len(samples) / RATE, 3)} | told
        results.put((index, row | {"voice": f"{engine}-{voice}"}, None))
    results.put(None)


def speak(sentences, out, models, split, voices, skip, count, seed, jobs, kind):
    """Makes utterances `skip` to `skip + count` and their manifest; what is there already stays."""
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            raise SystemExit(f"error: `{program}` is not installed")
    with sentences.open(encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == split]
    fetch(models)
    out.mkdir(parents=True, exist_ok=True)
    journal = out / "manifest.part"
    made = {}
    if journal.exists():
        for line in journal.open(encoding="utf-8"):
            # A process that was killed leaves half a line.
            try:
                index, row = json.loads(line)
            except ValueError:
                continue
            made[index] = row
    wanted = range(skip, skip + count)
    missing = [index for index in wanted if index not in made]
    results = multiprocessing.Queue()
    plan = Plan(rows, voices, split, seed)
    processes = [
        multiprocessing.Process(target=work, args=(plan, out, models, kind, missing[job::jobs], results), daemon=True)
        for job in range(jobs)
    ]
    for process in processes:
        process.start()
    running, failed, start = jobs, 0, time.monotonic()
    # A torn line is ended.
    torn = journal.exists() and not journal.read_bytes().endswith(b"\n") and journal.stat().st_size > 0
    with journal.open("a", encoding="utf-8") as file:
        file.write("\n" if torn else "")
        while running:
            try:
                found = results.get(timeout=60)
            except queue.Empty:
                if not any(process.is_alive() for process in processes):
                    raise SystemExit("error: a process ended early; give the command again") from None
                continue
            if found is None:
                running -= 1
                continue
            index, row, problem = found
            if problem:
                failed += 1
                print(f"warning: utterance {index} is left out: {problem}", file=sys.stderr)
                continue
            made[index] = row
            file.write(json.dumps([index, row]) + "\n")
            file.flush()
            if len(made) % 500 == 0:
                print(f"{len(made)} of {count}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    rows = [made[index] for index in wanted if index in made]
    temporary = out / "manifest.new"
    temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    temporary.replace(out / "manifest.jsonl")
    hours = sum(row["duration"] for row in rows) / 3600
    return {"utterances": len(rows), "hours": round(hours, 2), "left_out": failed}
