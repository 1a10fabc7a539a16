#!/bin/sh
# Runs one process of a host: sh deploy/cluster/run.sh FOLDER nats|broker|gateway|auth_api|haproxy
# Saves or restores what is known of apps: sh deploy/cluster/run.sh FOLDER apps save|restore
#
# FOLDER is what hosts.sh made for this host; PYTHON, NATS_SERVER and HAPROXY name the programs if they are elsewhere.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
process=$2

set -a
# shellcheck disable=SC1091
. "$folder/parley.env"
set +a

NATS_CA=$folder/ca.crt NATS_CERT=$folder/$process.crt NATS_KEY=$folder/$process.key

in_url() {
    case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac
}

# Own server first: what happens to another host is then no matter of this one's.
servers() {
    printf '%s' "$1$(in_url "$ADDRESS"):4222"
    for address in $HOSTS; do
        [ "$address" = "$ADDRESS" ] || printf ',%s' "$1$(in_url "$address"):4222"
    done
}

OF_NATS="NATS_GATEWAY_PASSWORD NATS_BROKER_PASSWORD NATS_AUTH_API_PASSWORD ROUTE_PASSWORD"
OF_WEBHOOKS="WEBHOOK_URL WEBHOOK_SECRET WEBHOOK_SECRET_OLD"
SECRETS="$OF_NATS $OF_WEBHOOKS APP_SECRET APP_SECRET_OLD APP_PASS ADMIN_TOKEN TURN_SECRET"

# A process gets its own secrets and nobody else's.
without() {
    for name in "$@"; do
        unset "$name"
    done
}

# parley "SECRETS THAT IT DOES NOT GET" MODULE...
parley() {
    export NATS_URL NATS_CA NATS_CERT NATS_KEY APP_PORT
    # shellcheck disable=SC2086  # one word each
    without $OF_NATS $1
    shift
    cd "$here/../.."
    exec "${PYTHON:-python3}" -m "$@"
}

case $process in
nats)
    # In quotes, since NATS would read some of them as numbers.
    ROUTES="[$(for address in $HOSTS; do printf '"nats://nats:%s@%s:6222", ' "$ROUTE_PASSWORD" "$(in_url "$address")"; done)]" # pragma: allowlist secret
    for name in HOST NATS_CA NATS_CERT NATS_KEY STORE NATS_SYNC ROUTE_PASSWORD; do
        eval "export $name=\"\\\"\$$name\\\"\""
    done
    export ROUTES GATEWAY_PASSWORD="\"$NATS_GATEWAY_PASSWORD\"" BROKER_PASSWORD="\"$NATS_BROKER_PASSWORD\""
    export AUTH_API_PASSWORD="\"$NATS_AUTH_API_PASSWORD\""
    # shellcheck disable=SC2086
    without $OF_WEBHOOKS APP_SECRET APP_SECRET_OLD APP_PASS ADMIN_TOKEN TURN_SECRET
    exec sh "$here/../nats.sh" "${NATS_SERVER:-nats-server}" --config "$here/nats.conf"
    ;;
broker)
    NATS_URL=$(servers "tls://broker:$NATS_BROKER_PASSWORD@") APP_PORT=9000
    parley "$SECRETS" broker
    ;;
gateway)
    NATS_URL=$(servers "tls://gateway:$NATS_GATEWAY_PASSWORD@") APP_PORT=8000
    export GATEWAY_NAME="${GATEWAY_NAME:-$HOST}"
    parley "APP_PASS ADMIN_TOKEN $OF_WEBHOOKS" gateway
    ;;
auth_api)
    NATS_URL=$(servers "tls://auth_api:$NATS_AUTH_API_PASSWORD@") APP_PORT=8001
    parley "TURN_SECRET" auth_api
    ;;
apps)
    NATS_CERT=$folder/auth_api.crt NATS_KEY=$folder/auth_api.key
    NATS_URL=$(servers "tls://auth_api:$NATS_AUTH_API_PASSWORD@") APP_PORT=
    parley "$SECRETS" auth_api.apps "$3"
    ;;
haproxy)
    sh "$here/haproxy.sh" >"$folder/haproxy.cfg"
    # shellcheck disable=SC2086
    without $SECRETS
    exec "${HAPROXY:-haproxy}" -db -f "$folder/haproxy.cfg"
    ;;
*)
    echo "$process: there is no such process" >&2
    exit 2
    ;;
esac
