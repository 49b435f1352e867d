#!/bin/sh
# The system libraries of WeasyPrint: installed where that is allowed, else the command to type.
set -eu

present() {
    python3 - <<'PY'
import ctypes.util, sys
names = ("pango-1.0", "pangoft2-1.0", "harfbuzz", "fontconfig")
sys.exit(any(ctypes.util.find_library(name) is None for name in names))
PY
}

present && exit 0

if command -v apt-get >/dev/null 2>&1; then
    command="apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
    refresh="apt-get update"
elif command -v dnf >/dev/null 2>&1; then
    command="dnf install --assumeyes pango"
    refresh="true"
elif command -v brew >/dev/null 2>&1; then
    command="brew install pango"
    refresh="true"
else
    echo "Pango is missing. Install it with this system's package manager, then try again." >&2
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    become=""
elif [ "${command#brew}" != "$command" ]; then
    become=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    become="sudo "
else
    echo "Pango, which writes the reports, is missing. Type this, then try again:" >&2
    echo "    sudo sh -c '$refresh && $command'" >&2
    exit 1
fi

echo "Installing the system libraries of WeasyPrint"
# shellcheck disable=SC2086
${become}sh -c "$refresh >/dev/null && $command >/dev/null"
present
