#!/usr/bin/env bash
# Configures (first time only) and builds one preset: scripts/build.sh [release|debug|asan|fuzz] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
start=$SECONDS
# Clones of the same tree share the compiler cache: paths are taken relative to the tree.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
if [ ! -f "build/$preset/build.ninja" ]; then
  echo "build: $preset, first time (up to 15 minutes on 2 cores; seconds with a warm ccache)"
  mkdir -p build
  if ! cmake --preset "$preset" >"build/configure-$preset.log" 2>&1; then
    cat "build/configure-$preset.log"
    exit 1
  fi
else
  echo "build: $preset (what has changed)"
fi
# One status line on a terminal, only warnings and errors elsewhere.
if [ -t 1 ]; then quiet=(); else quiet=(--quiet); fi
if [ $# -gt 0 ]; then targets=(--target "$@"); else targets=(); fi
cmake --build --preset "$preset" "${targets[@]}" -- "${quiet[@]}" -j "$(nproc)"
echo "build: $preset done in $((SECONDS - start)) s; programs are in build/$preset/bin/"
