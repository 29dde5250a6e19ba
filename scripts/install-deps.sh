#!/usr/bin/env bash
# Installs what Tessera is built, tested and formatted with, on Debian 12 and Ubuntu 22.04 or later.
# Only what is missing: with everything there it does nothing and needs neither root nor a network.
#
#   scripts/install-deps.sh            install
#   scripts/install-deps.sh --check    list what is missing; exit 1 if anything is
set -euo pipefail

# Needed to configure and build.
required=(
  g++ cmake ninja-build make
  libeigen3-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libstb-dev zlib1g-dev
  doctest-dev
)
# Found and used where present; CMake prints each as ON or OFF.
optional=(
  ccache
  libdnnl-dev             # the fast dense kernels
  libopenblas-openmp-dev  # what benchmarks compare with; the pthread build fights with OpenMP
  libcurl4-openssl-dev    # tessera data fetch
  ca-certificates         # its https
  libsentencepiece-dev    # tokenizers of type sentencepiece
  python3-numpy           # the reader of sparse checkpoints in docs, which a test runs
  clang-format            # make format, make lint
)

is_installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

missing() {
  local package
  for package in "$@"; do
    is_installed "$package" || echo "$package"
  done
}

say() { echo "[install-deps] $*"; }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "no apt-get here; install the equivalents of these yourself: ${required[*]} ${optional[*]}"
  say "going on: CMake names whatever is missing"
  exit 0
fi

# Not <(...): minimal containers lack /dev/fd.
read -r -a need <<<"$(missing "${required[@]}" | xargs)"
read -r -a want <<<"$(missing "${optional[@]}" | xargs)"
if ((${#need[@]} + ${#want[@]} == 0)); then
  say "everything is installed"
  exit 0
fi
say "missing: ${need[*]} ${want[*]}"
[[ "${1:-}" == --check ]] && exit 1

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    say "root is needed and there is no sudo. Ask an administrator for:"
    say "  apt-get install --no-install-recommends ${need[*]} ${want[*]}"
    # The optional packages are no reason to stop.
    if ((${#need[@]})); then exit 1; else exit 0; fi
  fi
  as_root=(sudo)
fi

apt_options=(-y -q --no-install-recommends -o Acquire::Retries=2 -o Acquire::http::Timeout=20
             -o Dpkg::Use-Pty=0)
install_packages() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${apt_options[@]}" "$@"
}

# Without Error-Mode, apt-get update succeeds when it could fetch nothing.
"${as_root[@]}" apt-get update -q -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
    -o APT::Update::Error-Mode=any ||
  say "apt-get update failed (no network?); trying with the package lists that are here"

if ((${#need[@]})) && ! install_packages "${need[@]}"; then
  say "could not install: ${need[*]}"
  say "If this machine has no network, install them from elsewhere and start again."
  exit 1
fi
# One by one where they do not install together, so that one unknown name costs only itself.
if ((${#want[@]})) && ! install_packages "${want[@]}"; then
  for package in "${want[@]}"; do
    install_packages "$package" ||
      say "could not install $package; Tessera builds without it, and CMake says what is OFF"
  done
fi
say "done"
