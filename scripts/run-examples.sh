#!/usr/bin/env bash
# Runs the examples of slm-core with the reference model on a committed recording, and checks what they print.
set -euo pipefail
cd "$(dirname "$0")/.."

model=weights/slm-tiny
recording=tests/audio/test/wav/000010-9ff32614.wav
said="remind anita to call sebastian on saturday"
examples=(cancel push_live transcribe two_sessions)
folder="${CARGO_TARGET_DIR:-target}/release/examples"

there="$(cd slm-core/examples && printf '%s ' *.rs)"
[ "$there" = "$(printf '%s.rs ' "${examples[@]}")" ] || { echo "other examples than are checked: $there" >&2; exit 1; }

# All of the workspace, so that the same features of Burn are asked for as by the README's two commands.
cargo build --release --workspace "${examples[@]/#/--example=}"

wrong() {
    printf 'the example %s printed:\n%s\n' "$1" "$2" >&2
    exit 1
}

# The device, the text, and a line a word with its times.
printed="$("$folder/transcribe" "$model" "$recording")"
mapfile -t lines <<<"$printed"
words="$(awk 'NR > 2 { if (NF != 3 || $1 + 0 < last || $2 + 0 <= $1 + 0) exit; last = $1 + 0; print $3 }' <<<"$printed")"
[[ "${lines[0]}" == "on "*": "* && "${lines[1]:-}" == "$said" ]] || wrong transcribe "$printed"
[ "${words//$'\n'/ }" = "$said" ] || wrong transcribe "$printed"

# The text, piece by piece, and how much audio that was.
printed="$("$folder/push_live" "$model" "$recording")"
[ "$printed" = "$said"$'\n'"(2.8 s of audio)" ] || wrong push_live "$printed"

# The text, and the translation that the program gives too.
german="$(cargo run --quiet --release -p slm-cli -- translate --to german "$recording")"
printed="$("$folder/two_sessions" "$model" "$recording")"
[ -n "$german" ] && [ "$german" != "$said" ] || wrong "slm-cli translate" "$german"
[ "$printed" = "$said"$'\n'"$german" ] || wrong two_sessions "$printed"

# How long the end took, after two seconds of work, and what was finished before.
printed="$("$folder/cancel" "$model" "$recording")"
mapfile -t lines <<<"$printed"
[[ ${#lines[@]} -eq 2 && "${lines[0]}" =~ ^cancelled\ after\ [0-9]\.[0-9]{3}\ s$ ]] || wrong cancel "$printed"
[[ "${lines[1]}" =~ ^[0-9]+\ segments\ were\ finished\ before:\  ]] || wrong cancel "$printed"

echo "${#examples[@]} examples print what they should"
