#!/usr/bin/env bash
# System packages that some tests use. As root on Debian or Ubuntu: install what is missing. Else: name it.
set -eu -o pipefail
declare -A package_of=([chromium]=chromium [chromedriver]=chromium-driver [dbus-daemon]=dbus [faketime]=faketime [fusermount3]=fuse3 [softhsm2-util]=softhsm2 [strace]=strace)
missing=()
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${package_of[$tool]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing for the tests: ${missing[*]} ..."
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null ||
    echo "Could not install ${missing[*]}; tests that need them will be listed as not run." >&2
fi
