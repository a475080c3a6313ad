#!/bin/sh
# Make .venv with the first Python that is new enough. PYTHON=/path/to/python chooses one.
set -eu

refuse() {
    echo "make: $1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
}

python=$(find_python)
[ -n "$python" ] || refuse "Python 3.11 or newer was not found: install it, or name it with PYTHON=/path/to/python."
[ "$(df -Pk . | awk 'NR == 2 { print $4 }')" -gt 4000000 ] ||
    refuse "the disk has less than 4 GB free: free some space, then run make again."
echo "Making .venv with $python ..."
rm -rf .venv
"$python" -m venv .venv || refuse "$python cannot make a virtual environment: on Debian run apt-get install python3-venv."
