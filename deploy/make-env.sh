#!/bin/sh
# Makes .env from .env.example, with a new secret in place of each empty one.
set -eu
cd "$(dirname "$0")/.."
umask 077

if [ -e .env ]; then
    echo "There is a .env already: it stays as it is."
    exit 0
fi

secret() {
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

# Beside it and then in its place: a .env is whole, or there is none.
fresh=$(mktemp .env.XXXXXX)
trap 'rm -f "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

while IFS= read -r line; do
    case $line in
        [A-Z]*=)
            value=$(secret)
            if [ ${#value} -ne 64 ]; then
                echo "No secret could be made: are od and tr there, and /dev/urandom? There is no .env." >&2
                exit 1
            fi
            printf '%s%s\n' "$line" "$value"
            ;;
        *) printf '%s\n' "$line" ;;
    esac
done <.env.example >"$fresh"
mv "$fresh" .env
echo "Made .env with new secrets."
