#!/bin/sh
# The journeys drive a real Chromium: install it on Debian as root, elsewhere say what to install.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "make: Chromium was not found and the tests drive it: install it, for example sudo apt-get install chromium." >&2
    exit 1
fi
echo "Installing Chromium for the tests ..."
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null; then
    echo "make: apt-get could not install chromium: check the network, then run make test again." >&2
    exit 1
fi
