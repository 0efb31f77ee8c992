#!/usr/bin/env bash
# Renew the hash-locked requirements from pyproject.toml. No index is named in them.
set -eu -o pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
compile() {
  local out=$1
  shift
  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
    --quiet --no-emit-package lum "$@" -o "requirements/$out.txt"
}
lock() {
  local out=$1 extras=()
  shift
  for extra in "$@"; do extras+=(--extra "$extra"); done
  compile "$out" "${extras[@]}" pyproject.toml
}
lock hub hub hci
lock cloud cloud
lock dev dev
lock bench bench
export UV_CONSTRAINT=requirements/dev.txt  # installed beside it: the same versions
compile lint --group lint
lock tpm tpm
lock tpm-build tpm-build
