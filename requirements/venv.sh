#!/usr/bin/env bash
# Make the private .venv from the hash-locked requirements.
set -eu -o pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "Lum needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Set PYTHON=/path/to/python3.11." >&2; exit 1; }

# Debian's Python cannot make a virtual environment until one more package is there.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $package (this Python cannot make a virtual environment without it) ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" ca-certificates >/dev/null
  else
    echo "This Python cannot make a virtual environment. Install one package, then run make again:  sudo apt-get install $package" >&2
    exit 1
  fi
fi

echo "Setting up .venv (once; about a minute) ..."
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .venv/lint \
  -r requirements/lint.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
