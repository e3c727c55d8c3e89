#!/usr/bin/env bash
# Shows that the README's two commands share one build: whatever `cargo run -p slm-cli` built, `cargo test --workspace`
# finds built, but for the tests and examples themselves: libraries, procedural macros, build scripts, the program. To be run
# after the first command, before the second.
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


def target(artifact):
    """What is compiled, with whatever features."""
    return artifact["package_id"], tuple(artifact["target"]["kind"]), artifact["target"]["name"]


def files(artifact):
    """What it is compiled to: the names have a hash of features and profile, those of build scripts in their folder."""
    return tuple(sorted(artifact["filenames"]))


built = artifacts(sys.argv[1])
first = {files(artifact) for artifact in built}
targets = {target(artifact) for artifact in built}
again = sorted(
    target(artifact)
    for artifact in artifacts(sys.argv[2])
    if target(artifact) in targets and not artifact["profile"]["test"] and files(artifact) not in first
)
if again:
    lines = [f"{kind[0]} {name} of {package}" for package, kind, name in again]
    sys.exit("compiled again by the second command:\n" + "\n".join(lines))
kinds = ", ".join(sorted({artifact["target"]["kind"][0] for artifact in built}))
print(f"{len(first)} artifacts of the first command ({kinds}) serve the second, which compiled none of them again")
PYTHON
