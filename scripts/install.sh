#!/bin/sh
# Install pinned packages into .venv: the arguments are pip's, the versions come from constraints.txt.
set -eu
export PIP_DISABLE_PIP_VERSION_CHECK=1

pip_install() {
    .venv/bin/python -m pip install --no-input --constraint constraints.txt "$@"
}

# What is there already is not worth a line each; pip's exit code must survive the filter.
code=$({ { pip_install "$@" && echo 0 >&3 || echo 1 >&3; } | grep -v '^Requirement already satisfied' >&4; } 3>&1) 4>&1 || true
if [ "$code" != 0 ]; then
    echo "make: pip could not install everything: check the network, the disk and pip's own message above." >&2
    exit 1
fi
