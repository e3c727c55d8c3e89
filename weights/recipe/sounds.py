"""Sounds without speech that packages of Debian carry: music and effects of games, cut into clips, as a manifest whose
texts are empty.

    apt-get update && pip install soundfile
    python3 weights/recipe/sounds.py --out work/sounds

The packages are fetched and unpacked, not installed, so nothing here needs to be root. The manifest takes the clips from
the files as they are, by their place in them.
"""

import argparse
import json
import random
import subprocess
from pathlib import Path

import soundfile

# Instruments and effects; no package with voices.
PACKAGES = (
    ["a7xpg-data", "chromium-bsu-data", "funnyboat", "gunroar-data", "holotz-castle-data", "lincity-ng-data"]
    + ["lugaru-data", "mu-cade-data", "noiz2sa-data", "open-invaders-data", "parsec47-data", "pathological"]
    + ["pingus-data", "powermanga-data", "rrootage-data", "starfighter-data", "tecnoballz-data", "titanion-data"]
    + ["torus-trooper-data", "tumiki-fighters-data"]
)
SUFFIXES = {".wav", ".ogg", ".flac", ".mp3"}
# Seconds of a clip, and how many clips a file gives at most.
SHORTEST, LONGEST = 0.5, 6.0
CLIPS = 40


def fetch(folder):
    """Downloads and unpacks every package into `folder`, unless it is there."""
    for package in PACKAGES:
        target = folder / package
        if (target / ".done").exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
        subprocess.run(command, cwd=target, check=True)
        (archive,) = target.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=target, check=True)
        archive.unlink()
        (target / ".done").touch()


def clips(path, seconds, rng):
    """Places in a file of so many seconds, drawn from `rng`."""
    for _ in range(min(CLIPS, max(1, round(seconds / LONGEST)))):
        duration = min(seconds, rng.uniform(SHORTEST, LONGEST))
        offset = rng.uniform(0.0, seconds - duration)
        yield {
            "audio_filepath": str(path.resolve()),
            "offset": round(offset, 2),
            "duration": round(duration, 2) or 0.01,
            "text": "",
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the packages and `manifest.jsonl`")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    fetch(args.out)
    rng = random.Random(args.seed)
    rows, files = [], 0
    for path in sorted(path for path in args.out.rglob("*") if path.suffix.lower() in SUFFIXES):
        try:
            seconds = soundfile.info(str(path)).duration
        except soundfile.LibsndfileError:
            continue
        if seconds >= SHORTEST:
            files += 1
            rows += clips(path, seconds, rng)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (args.out / "manifest.jsonl").write_text(lines, encoding="utf-8")
    minutes = sum(row["duration"] for row in rows) / 60.0
    print(f"{len(rows)} clips of {files} files, {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
