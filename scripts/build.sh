#!/usr/bin/env bash
# Configures (first time only) and builds one preset: scripts/build.sh [release|debug|asan|tsan|fuzz] [TARGET...]
#
# With ATTUNE_WARNINGS=error (as in .ci/run) a compiler warning fails the build, after all of it was
# built: the list is then complete. It goes by what the compiler printed, which ccache repeats, and
# not by -Werror, so that CI and everybody else share one compiler cache. Objects that are newer than
# the last build without a warning were made without anybody looking: they are made again.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
start=$SECONDS
# Clones of the same tree share the compiler cache: paths are taken relative to the tree, and the
# locale, which ccache counts as part of the command, is the one of .ci/run.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros LC_ALL=C.UTF-8
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
if [ $# -gt 0 ]; then targets=(--target "$@"); else targets=(); fi

build() { cmake --build --preset "$preset" "${targets[@]}" -- -j "$(nproc)" "$@"; }

if [ "${ATTUNE_WARNINGS:-}" = error ]; then
  log=build/build-$preset.log looked=build/looked-at-$preset
  newer=()
  if [ -f "$looked" ]; then newer=(-newer "$looked"); fi
  find "build/$preset" -name '*.o' "${newer[@]}" -delete
  build --quiet 2>&1 | tee "$log"
  if warnings=$(grep -c 'warning: ' "$log"); then
    echo "build: $preset has $warnings warnings; they are listed above and in $log" >&2
    exit 1
  fi
  touch "$looked"
elif [ -t 1 ]; then
  build  # one status line
else
  build --quiet  # only warnings and errors
fi
echo "build: $preset done in $((SECONDS - start)) s; programs are in build/$preset/bin/"
