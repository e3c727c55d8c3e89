"""Sounds without speech that packages of Debian carry: music and effects of games, cut into clips, as a manifest whose
texts are empty. The manifest takes the clips from the files as they are, by their place in them.
"""

import json
import random

import soundfile
from sources import fetch_debian

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


def clips(path, seconds, rng):
    """Places in a file of so many seconds, drawn from `rng`."""
    for _ in range(min(CLIPS, max(1, round(seconds / LONGEST)))):
        duration = min(seconds, rng.uniform(SHORTEST, LONGEST))
        offset = rng.uniform(0.0, seconds - duration)
        yield {
            "audio_filepath": str(path.resolve()),
            "offset": round(offset, 2),
            "duration": round(duration, 2),
            "text": "",
        }


def cut(out, seed):
    """Fetches the packages into `out`, and writes the manifest there."""
    for package in PACKAGES:
        fetch_debian(package, out)
    rng = random.Random(seed)
    rows, files = [], 0
    for path in sorted(path for path in out.rglob("*") if path.suffix.lower() in SUFFIXES):
        try:
            seconds = soundfile.info(str(path)).duration
        except soundfile.LibsndfileError:
            continue
        if seconds >= SHORTEST:
            files += 1
            rows += clips(path, seconds, rng)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (out / "manifest.jsonl").write_text(lines, encoding="utf-8")
    return {"clips": len(rows), "files": files, "seconds": round(sum(row["duration"] for row in rows), 1)}
