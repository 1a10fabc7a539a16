#!/bin/sh
# Pins every image to the digest that its tag has now: writes deploy/images.yml, which compose reads beside its own file
# with COMPOSE_FILE=docker-compose.yml:deploy/images.yml in .env. Run it again when a tag changes in docker-compose.yml
# or Dockerfile: sh deploy/pin-images.sh. It needs the registry; nothing is written if an image has no digest there.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "$1 Nothing was written." >&2
    exit 1
}

# name:tag@sha256:…, the digest of the whole image, for every processor.
pinned() {
    docker pull --quiet "$1" >/dev/null || fail "$1 could not be pulled."
    digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -n "s|^${1%%:*}@||p")
    case $digest in
        sha256:*[!0-9a-f]* | '') fail "$1 has no digest, or several." ;;
    esac
    echo "$1@$digest"
}

# The image of a service, or of an ARG of the Dockerfile.
of_service() {
    sed -n "/^  $1:\$/,/^\$/ s/^    image: \\([^ ]*\\).*/\\1/p" docker-compose.yml
}

of_argument() {
    sed -n "s/^ARG $1=//p" Dockerfile
}

fresh=$(mktemp deploy/images.yml.XXXXXX)
trap 'rm -f "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

echo "# Made by deploy/pin-images.sh, from the tags in docker-compose.yml and Dockerfile." >"$fresh"
echo "services:" >>"$fresh"
for service in haproxy coturn prometheus grafana; do
    image=$(pinned "$(of_service "$service")")
    printf '  %s: { image: "%s" }\n' "$service" "$image" >>"$fresh"
done
nats=$(pinned "$(of_argument NATS)")
node=$(pinned "$(of_argument NODE)")
python=$(pinned "$(of_argument PYTHON)")
printf '  nats: { build: { args: { NATS: "%s" } } }\n' "$nats" >>"$fresh"
printf '  gateway: { build: { args: { NODE: "%s", PYTHON: "%s" } } }\n' "$node" "$python" >>"$fresh"
chmod 644 "$fresh"
mv "$fresh" deploy/images.yml
echo "Made deploy/images.yml."
