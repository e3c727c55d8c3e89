"""Writes models of real sizes with random weights: a w2v-BERT 2.0 (580 M parameters) and a Flan-T5 base (250 M).

    python tests/bench/make_large.py OUT [--dtype float32|float16|bfloat16] [--torch]

Needs torch 2.9.0, transformers 5.23.0 and the disk space of the models (3.3 GB in float32). No network: the sizes are
those of facebook/w2v-bert-2.0 and google/flan-t5-base, written out here. With --torch the weights are written as
pytorch_model.bin.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    SeamlessM4TFeatureExtractor,
    T5Config,
    T5ForConditionalGeneration,
    Wav2Vec2BertConfig,
    Wav2Vec2BertModel,
)


def write(folder, model_class, config, dtype, as_torch, name_in_file=lambda name: name):
    """A folder with the config and random weights, small enough that nothing overflows."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        model = model_class(config)
    generator = torch.Generator().manual_seed(0)
    tensors, written = {}, set()
    for name, parameter in model.state_dict(keep_vars=True).items():
        # A copy is left out, but for the head, which Flan-T5 has for itself.
        if id(parameter) in written and name != "lm_head.weight":
            continue
        written.add(id(parameter))
        if not parameter.is_floating_point():
            tensors[name_in_file(name)] = torch.zeros(parameter.shape, dtype=parameter.dtype)
            continue
        values = torch.randn(parameter.shape, generator=generator) * 0.02
        if "norm" in name.lower() and name.endswith(("weight", "running_var")):
            values += 1
        tensors[name_in_file(name)] = values.to(dtype)
    config.architectures = [model_class.__name__]
    (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=2, default=str))
    if as_torch:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    print(folder, sum(tensor.numel() for tensor in tensors.values()) / 1e6, "M parameters")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--torch", action="store_true")
    args = parser.parse_args()
    dtype = getattr(torch, args.dtype)
    # The defaults of the class are the sizes of facebook/w2v-bert-2.0.
    write(args.out / "w2v-bert", Wav2Vec2BertModel, Wav2Vec2BertConfig(), dtype, args.torch)
    SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80).save_pretrained(args.out / "w2v-bert")
    flan = T5Config(
        d_model=768,
        d_ff=2048,
        num_layers=12,
        num_heads=12,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )
    write(args.out / "flan-t5-base", T5ForConditionalGeneration, flan, dtype, args.torch)


if __name__ == "__main__":
    main()
