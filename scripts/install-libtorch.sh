#!/usr/bin/env bash
# libtorch for the backends `tch-cpu` and `tch-cuda`: PyTorch 2.9.0 from PyPI in a virtual environment of its own.
#
#     eval "$(bash scripts/install-libtorch.sh [DIR])"
#
# prints what the build and the programs need in their environment. DIR is where the environment goes; without it
# `slm-libtorch` in the user's cache. What is there already is used again.
set -euo pipefail

dir="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/slm-libtorch}"
if ! "$dir/bin/python" -c 'import torch; assert torch.__version__.startswith("2.9.0")' >/dev/null 2>&1; then
    python3 -m venv "$dir" >&2
    "$dir/bin/pip" install --quiet torch==2.9.0 numpy >&2
fi
site="$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')"
libraries="$site/torch/lib"
for folder in "$site"/nvidia/*/lib; do
    if [ -d "$folder" ]; then
        libraries="$libraries:$folder"
    fi
done
echo "export LIBTORCH_USE_PYTORCH=1"
echo "export PATH=\"$dir/bin:\$PATH\""
echo "export LD_LIBRARY_PATH=\"$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""
