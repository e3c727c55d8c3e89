"""A mean of two sets of weights of one shape: an encoder or an adapter before and after a training that went on from it.

    pip install torch safetensors
    python3 weights/recipe/mix.py BEFORE AFTER --share 0.65 --out OUT

BEFORE and AFTER are folders with `config.json` and `model.safetensors`; OUT is AFTER with the mean in the place of its
weights, in which AFTER has the share that is given. What `slm.json` says of hashes is not touched.
"""

import argparse
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"


def mean(before, after, share):
    """Of tensors by name; what is no float is that of `after`."""
    if {name: tensor.shape for name, tensor in before.items()} != {name: tensor.shape for name, tensor in after.items()}:
        raise SystemExit("error: the two have other tensors")
    mixed = {}
    for name, tensor in after.items():
        if tensor.is_floating_point():
            both = (1.0 - share) * before[name].double() + share * tensor.double()
            tensor = both.to(tensor.dtype)
        mixed[name] = tensor.contiguous()
    return mixed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--share", type=float, required=True, help="of AFTER, 0 to 1")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    mixed = mean(load_file(args.before / WEIGHTS), load_file(args.after / WEIGHTS), args.share)
    with safe_open(args.after / WEIGHTS, "pt") as file:
        metadata = file.metadata()
    shutil.copytree(args.after, args.out)
    save_file(mixed, args.out / WEIGHTS, metadata=metadata)


if __name__ == "__main__":
    main()
