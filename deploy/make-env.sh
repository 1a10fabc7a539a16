#!/bin/sh
# Makes .env from .env.example, with a new secret in place of each empty one.
set -eu
cd "$(dirname "$0")/.."
umask 077

if [ -e .env ]; then
    echo "There is a .env already: it stays as it is."
    exit 0
fi

while IFS= read -r line; do
    case $line in
        [A-Z]*=) echo "$line$(openssl rand -hex 32)" ;;
        *) echo "$line" ;;
    esac
done <.env.example >.env
echo "Made .env with new secrets."
