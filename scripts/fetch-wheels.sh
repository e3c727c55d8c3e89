#!/usr/bin/env bash
# Fetches wheels from PyPI without what they depend on:
#
#     bash scripts/fetch-wheels.sh FOLDER NAME==VERSION..
set -euo pipefail

folder=$1
shift
python=python3
# Some systems have pip only in environments.
if ! python3 -m pip --version > /dev/null 2>&1; then
    environment=$(mktemp -d)
    trap 'rm -rf "$environment"' EXIT
    python3 -m venv "$environment"
    python="$environment/bin/python"
fi
"$python" -m pip download --quiet --no-deps --only-binary :all: --dest "$folder" "$@"
