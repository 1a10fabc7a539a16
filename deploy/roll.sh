#!/bin/sh
# Replaces every process, one after the other, without losing an event. Build first to bring in a new version:
# docker compose build && sh deploy/roll.sh
set -eu
cd "$(dirname "$0")/.."

up() {
    docker compose up -d --no-deps --wait "$@"
}

# Of NATS and HAProxy there can be only one: clients and processes wait for a moment, then continue. NATS
# comes first, since it has to let new processes do what they need; it lets old ones continue.
up --force-recreate nats

# A new one stands ready before an old one is asked to go.
for service in broker gateway auth_api; do
    old=$(docker compose ps -q "$service")
    if [ -z "$old" ]; then
        echo "No $service runs: start everything with docker compose up -d" >&2
        exit 1
    fi
    count=$(echo "$old" | wc -l)
    for container in $old; do
        up --no-recreate --scale "$service=$((count + 1))" "$service"
        docker stop "$container"
        docker rm "$container"
    done
done

up --force-recreate haproxy
