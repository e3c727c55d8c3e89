#!/usr/bin/env bash
# System packages for Debian and Ubuntu: the synthesisers that make the speech corpora, and Mesa's software
# Vulkan driver, so that the `wgpu` backend runs where there is no GPU.
set -euo pipefail

packages=(espeak-ng flite libvulkan1 mesa-vulkan-drivers)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
    run=(sudo)
fi
"${run[@]}" apt-get update
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
