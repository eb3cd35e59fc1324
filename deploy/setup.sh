#!/bin/sh
# Makes .venv hold exactly what a lock names, and this checkout; the second time it does nothing.
#
#     deploy/setup.sh runtime|dev
#
# Every file is checked against the lock's hashes, so a cache is as good as a registry and is asked first.
set -eu
cd "$(dirname "$0")/.."

kind=$1
wheels="${XDG_CACHE_HOME:-$HOME/.cache}/laurel/wheels"
case $kind in
    runtime) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: deploy/setup.sh runtime|dev" >&2; exit 2 ;;
esac

fail() {
    echo "$1" >&2
    exit 1
}

# Who develops here keeps the tools: a new lock is no reason to take them away.
case "$kind $(cat .venv/installed 2>/dev/null)" in
    "runtime dev "*) kind=dev lock=requirements-dev.lock ;;
esac

# What an installation rests on; the folder too, because a moved .venv still points to where it was made.
fingerprint() {
    { pwd; cat requirements*.lock pyproject.toml deploy/setup.sh; } | cksum
}

# The development lock holds all that the runtime lock holds.
installed() {
    case "$(cat .venv/installed 2>/dev/null)" in
        "$kind $(fingerprint)" | "dev $(fingerprint)") true ;;
        *) false ;;
    esac
}

find_python() {
    for name in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Laurel needs Python 3.11 or newer, and none was found (looked for python3, python3.11 to 3.13, python).
Get one: 'apt-get install python3 python3-venv' (Debian 12, Ubuntu 24.04 or newer), 'brew install python@3.13' (macOS).
One that stands elsewhere is named by PYTHON: 'make up PYTHON=/path/to/python3'."
}

make_venv() {
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python lacks its venv module: 'apt-get install python3-venv'."
    echo "Making .venv with $("$python" --version)."
    "$python" -m venv --clear .venv
}

# pip alone installs from a folder when there is no network, so uv's wheel is kept in one.
bootstrap_uv() {
    pip="-q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r requirements-uv.lock"
    # shellcheck disable=SC2086  # words, on purpose
    if ! .venv/bin/python -m pip install --no-index --find-links "$wheels" $pip 2>/dev/null; then
        mkdir -p "$wheels"
        .venv/bin/python -m pip download -d "$wheels" $pip ||
            fail "uv, which installs the packages, is neither on PATH nor in $wheels, and pip can't fetch it.
Connect to a package index once, or copy its wheel ($(head -n 1 requirements-uv.lock | cut -d' ' -f1)) into that folder."
        .venv/bin/python -m pip install --no-index --find-links "$wheels" $pip
    fi
}

find_uv() {
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
        uv=uv
    else
        [ -x .venv/bin/uv ] || bootstrap_uv
        uv=.venv/bin/uv
    fi
}

# Compiled once here, or every service would compile the same at its first start.
sync() {
    "$uv" pip sync -q --compile-bytecode --python .venv/bin/python --require-hashes "$@" "$lock"
}

install_all() {
    if ! sync --offline 2>/dev/null; then
        echo "Fetching packages (some 150 MB the first time)."
        sync || fail "Packages of $lock are missing from uv's cache, and the package index does not answer; see above."
    fi
    # The build backend stands in the lock, so the checkout's own installation asks nobody.
    "$uv" pip install -q --python .venv/bin/python --offline --no-deps --no-build-isolation --editable .
}

if installed; then
    exit 0
fi
# A .venv that was made elsewhere, or by a Python that has gone, is made anew.
[ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$(pwd)/.venv" ] || make_venv
find_uv
rm -f .venv/installed
echo "Installing the packages of $lock."
install_all
echo "$kind $(fingerprint)" >.venv/installed
