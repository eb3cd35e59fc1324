#!/bin/sh
# Makes sure that there is a Chromium for the tests of pages; the second time it does nothing.
#
# Playwright's wheel drives a browser and brings none; Debian's is one package. CHROMIUM names another.
set -eu

for name in ${CHROMIUM:-} chromium chromium-browser google-chrome-stable google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium with apt-get."
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if { apt-get install -y -q chromium || { apt-get update -q && apt-get install -y -q chromium; }; } >"$log" 2>&1; then
        exit 0
    fi
    tail -n 5 "$log" >&2
fi
echo "The tests of pages need Chromium, and none was found (looked for chromium, chromium-browser, google-chrome).
Get one: 'sudo apt-get install chromium' (Debian), 'brew install --cask chromium' (macOS).
One that stands elsewhere is named by CHROMIUM: 'make test CHROMIUM=/path/to/chromium'." >&2
exit 1
