"""Writes a Granite Speech of the shape of 4.0-1b (2313 M parameters) with random weights.

    python tests/bench/make_granite_speech.py OUT [--dtype bfloat16|float16|float32]

Needs torch 2.9.0, transformers 5.23.0 and 4.6 GB of disk (in 16 bits). No network: the sizes are those of
ibm-granite/granite-4.0-1b-speech, written out here, and the tensors have the names of its files. The tokenizer has as
many tokens, which are bytes and fillers. Features and prompt are those of tests/fixtures/speech_llm/granite_speech.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from byte_tokenizer import byte_tokenizer
from make_large import write
from transformers import GraniteSpeechConfig, GraniteSpeechForConditionalGeneration

SMALL = Path(__file__).parent.parent / "fixtures" / "speech_llm" / "granite_speech"
VOCABULARY, AUDIO, END, PAD = 100353, 100352, 100257, 100256

# Our names for the parts in memory, and those of published files.
NAMES = [
    ("model.encoder.", "encoder."),
    ("model.projector.", "projector."),
    ("model.language_model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
]


def config():
    return GraniteSpeechConfig(
        encoder_config={
            "input_dim": 160,
            "num_layers": 16,
            "hidden_dim": 1024,
            "feedforward_mult": 4,
            "num_heads": 8,
            "dim_head": 128,
            "output_dim": 348,
            "context_size": 200,
            "max_pos_emb": 512,
            "conv_kernel_size": 15,
            "conv_expansion_factor": 2,
        },
        projector_config={
            "model_type": "blip_2_qformer",
            "hidden_size": 1024,
            "num_hidden_layers": 2,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "encoder_hidden_size": 1024,
            "cross_attention_frequency": 1,
        },
        text_config={
            "model_type": "granite",
            "vocab_size": VOCABULARY,
            "hidden_size": 2048,
            "intermediate_size": 4096,
            "num_hidden_layers": 40,
            "num_attention_heads": 16,
            "num_key_value_heads": 4,
            "rope_theta": 1e4,
            "embedding_multiplier": 12.0,
            "residual_multiplier": 0.22,
            "attention_multiplier": 1 / 128,
            "logits_scaling": 8.0,
            "rms_norm_eps": 1e-5,
            "eos_token_id": END,
            "bos_token_id": END,
            "pad_token_id": PAD,
        },
        audio_token_index=AUDIO,
        has_lora_adapter=False,
        tie_word_embeddings=False,
    )


def name_in_file(name):
    ours, theirs = next(pair for pair in NAMES if name.startswith(pair[0]))
    return theirs + name.removeprefix(ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "float16", "bfloat16"])
    args = parser.parse_args()
    dtype = getattr(torch, args.dtype)
    write(args.out, GraniteSpeechForConditionalGeneration, config(), dtype, False, name_in_file)
    for name in ["preprocessor_config.json", "processor_config.json", "chat_template.jinja"]:
        shutil.copy(SMALL / name, args.out / name)
    pad, end, audio = "<pad>", "<end>", "<|audio|>"
    tokenizer = byte_tokenizer(AUDIO + 1, {pad: PAD, end: END, audio: AUDIO})
    tokenizer.save(str(args.out / "tokenizer.json"))
    settings = json.loads((SMALL / "tokenizer_config.json").read_text())
    settings |= {"bos_token": end, "eos_token": end, "unk_token": end, "pad_token": pad}
    settings["extra_special_tokens"] = [audio]
    (args.out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    ids = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": PAD}
    (args.out / "generation_config.json").write_text(json.dumps(ids, indent=2) + "\n")


if __name__ == "__main__":
    main()
