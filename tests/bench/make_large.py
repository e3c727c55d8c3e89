"""Writes models of real sizes with random weights: a w2v-BERT 2.0 (580 M parameters), a Flan-T5 base (250 M) and, where it is
asked for, a Llama 3.2 1B (1236 M).

    python tests/bench/make_large.py OUT [--dtype float32|float16|bfloat16] [--torch] [--only NAME]

Needs torch 2.9.0, transformers 5.23.0 and the disk space of the models (3.3 GB in float32, the Llama 4.9 GB more, and as much
memory). No network: the sizes are those of facebook/w2v-bert-2.0, google/flan-t5-base and meta-llama/Llama-3.2-1B, written out
here. With --torch the weights are written as pytorch_model.bin.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
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
        # A copy is left out, but for the head, which Flan-T5 has for itself, whatever its class says here.
        is_own_head = name == "lm_head.weight" and model_class is T5ForConditionalGeneration
        if id(parameter) in written and not is_own_head:
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


def w2v_bert():
    # The defaults of the class are the sizes of facebook/w2v-bert-2.0.
    return Wav2Vec2BertModel, Wav2Vec2BertConfig()


def flan_t5_base():
    return T5ForConditionalGeneration, T5Config(
        d_model=768,
        d_ff=2048,
        num_layers=12,
        num_heads=12,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )


def llama_1b():
    return LlamaForCausalLM, LlamaConfig(
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=131_072,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
    )


MODELS = {"w2v-bert": w2v_bert, "flan-t5-base": flan_t5_base, "llama-1b": llama_1b}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--only", choices=MODELS, action="append")
    args = parser.parse_args()
    dtype = getattr(torch, args.dtype)
    for name in args.only or ["w2v-bert", "flan-t5-base"]:
        model_class, config = MODELS[name]()
        write(args.out / name, model_class, config, dtype, args.torch)
        if name == "w2v-bert":
            SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80).save_pretrained(args.out / name)


if __name__ == "__main__":
    main()
