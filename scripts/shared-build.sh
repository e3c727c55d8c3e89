#!/usr/bin/env bash
# Shows that the README's two commands share one build: whatever `cargo run -p slm-cli` built, `cargo test --workspace`
# finds built, but for the tests themselves. To be run after the first command, before the second.
set -euo pipefail
cd "$(dirname "$0")/.."

built="$(mktemp)"
tested="$(mktemp)"
trap 'rm -f "$built" "$tested"' EXIT
cargo build --release -p slm-cli --message-format=json >"$built"
cargo test --release --workspace --no-run --message-format=json >"$tested"
python3 - "$built" "$tested" <<'PYTHON'
import json
import sys


def artifacts(path):
    with open(path) as lines:
        messages = [json.loads(line) for line in lines]
    return [message for message in messages if message["reason"] == "compiler-artifact"]


def files(artifact):
    return tuple(sorted(artifact["filenames"]))


first = {files(artifact) for artifact in artifacts(sys.argv[1])}
second = artifacts(sys.argv[2])
packages = {artifact["package_id"] for artifact in artifacts(sys.argv[1])}
again = sorted(
    artifact["package_id"]
    for artifact in second
    if artifact["package_id"] in packages
    and "lib" in artifact["target"]["kind"][0]
    and not artifact["profile"]["test"]
    and files(artifact) not in first
)
if again:
    sys.exit("compiled again by the second command:\n" + "\n".join(again))
print(f"{len(first)} artifacts of the first command serve the second, which compiled none of them again")
PYTHON
