#!/usr/bin/env bash
# What tests of keys in a TPM use: swtpm, and tpm2-pytss, which has no wheel and is compiled against tpm2-tss.
# As root on Debian or Ubuntu: install what is missing. Else: name it.
set -eu -o pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
ready() { command -v swtpm >/dev/null && "$python" -c 'import tpm2_pytss' 2>/dev/null; }
ready && exit 0

missing=()
command -v swtpm >/dev/null || missing+=(swtpm)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists tss2-esys 2>/dev/null || missing+=(libtss2-dev)
"$python" -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' ||
  missing+=("python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-dev")
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Tests of keys in a TPM will be listed as not run. Install, then run make chips again:  sudo apt-get install ${missing[*]}" >&2
    exit 0
  fi
  echo "Installing for the tests of keys in a TPM: ${missing[*]} ..."
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null ||
    { echo "Could not install ${missing[*]}; tests of keys in a TPM will be listed as not run." >&2; exit 0; }
fi
echo "Compiling the TPM's driver (once; about a minute) ..."
install() { "$python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@"; }
install -r requirements/tpm-build.txt
install --no-build-isolation -r requirements/tpm.txt
