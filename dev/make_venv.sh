#!/bin/sh
# Makes .venv with the first Python that is new enough, or says what to do.
# PYTHON=/path/to/python chooses one.

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if is_new_enough "$python"; then
        found=$python
        break
    fi
done

if [ -z "$found" ]; then
    asked=${PYTHON:-python3}
    echo "Parley needs Python 3.11 or newer. Here, $asked is $("$asked" --version 2>/dev/null || echo missing)." >&2
    echo "Install one (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)," >&2
    echo "or name yours: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi

echo "Making .venv with $("$found" --version)"
if ! "$found" -m venv --clear .venv; then
    rm -rf .venv
    echo "$found cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
