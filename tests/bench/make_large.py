"""Writes models of real sizes with random weights: a w2v-BERT 2.0 (580 M parameters), a Flan-T5 base (250 M) and, where they are
asked for, a Llama 3.2 1B (1236 M) and the parts of the recipes in weights/recipe/gpu: a Parakeet CTC 0.6B (609 M), a Flan-T5 large
(783 M), a Qwen3 0.6B (596 M) and an mT0 XL (3742 M).

    python tests/bench/make_large.py OUT [--dtype float32|float16|bfloat16] [--torch] [--only NAME]

Needs torch 2.9.0, transformers 5.23.0 and the disk space of the models (3.3 GB in float32, the Llama 4.9 GB more, and as much
memory; for an mT0 XL 15 GB). No network: the sizes are those of facebook/w2v-bert-2.0, google/flan-t5-base,
meta-llama/Llama-3.2-1B, nvidia/parakeet-ctc-0.6b, google/flan-t5-large, Qwen/Qwen3-0.6B and bigscience/mt0-xl, written out
here. With --torch the weights are written as pytorch_model.bin. Tokenizers have as many tokens, which are bytes and fillers.
"""

import argparse
import json
from pathlib import Path

import torch
from byte_tokenizer import byte_tokenizer
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MT5Config,
    MT5ForConditionalGeneration,
    ParakeetCTCConfig,
    ParakeetFeatureExtractor,
    ParakeetForCTC,
    Qwen3Config,
    Qwen3ForCausalLM,
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
        is_own_head = name == "lm_head.weight" and issubclass(model_class, T5ForConditionalGeneration | MT5ForConditionalGeneration)
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


def parakeet_ctc():
    # The defaults of the class are the sizes of nvidia/parakeet-ctc-0.6b.
    return ParakeetForCTC, ParakeetCTCConfig()


def flan_t5_large():
    return T5ForConditionalGeneration, T5Config(
        d_model=1024,
        d_ff=2816,
        num_layers=24,
        num_heads=16,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )


def qwen3():
    return Qwen3ForCausalLM, Qwen3Config(
        vocab_size=151_936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=40_960,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        eos_token_id=QWEN3_END,
        tie_word_embeddings=True,
    )


def mt0_xl():
    return MT5ForConditionalGeneration, MT5Config(
        vocab_size=250_112, d_model=2048, d_ff=5120, num_layers=24, num_heads=32, tie_word_embeddings=False
    )


MODELS = {
    "w2v-bert": w2v_bert,
    "flan-t5-base": flan_t5_base,
    "llama-1b": llama_1b,
    "parakeet-ctc-0.6b": parakeet_ctc,
    "flan-t5-large": flan_t5_large,
    "qwen3-0.6b": qwen3,
    "mt0-xl": mt0_xl,
}
LLAMA_BEGIN = 128_000
QWEN3_END = 151_645
T5_SPECIAL = {"<pad>": 0, "</s>": 1, "<unk>": 2}
CHAT = """{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def complete(folder, name, config):
    """Adds what a folder has beside weights: features, tokenizer, chat template."""
    if name == "w2v-bert":
        SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80).save_pretrained(folder)
    elif name == "parakeet-ctc-0.6b":
        ParakeetFeatureExtractor().save_pretrained(folder)
        tokenizer = byte_tokenizer(config.vocab_size - 1, {})
        tokenizer.save(str(folder / "tokenizer.json"))
    elif name == "qwen3-0.6b":
        special = {"<|im_start|>": QWEN3_END - 1, "<|im_end|>": QWEN3_END}
        byte_tokenizer(config.vocab_size, special).save(str(folder / "tokenizer.json"))
        settings = {"eos_token": "<|im_end|>", "pad_token": "<|im_end|>", "chat_template": CHAT}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    elif name == "llama-1b":
        special = {"<|begin_of_text|>": LLAMA_BEGIN, "<|end_of_text|>": LLAMA_BEGIN + 1}
        byte_tokenizer(config.vocab_size, special).save(str(folder / "tokenizer.json"))
    elif "t5" in name or "mt0" in name:
        byte_tokenizer(config.vocab_size, T5_SPECIAL, "</s>").save(str(folder / "tokenizer.json"))


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
        complete(args.out / name, name, config)


if __name__ == "__main__":
    main()
