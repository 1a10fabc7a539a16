#!/bin/sh
# Makes a folder for each host, to be copied there: its certificates, and parley.env with secrets and settings.
#
#   sh deploy/cluster/hosts.sh FOLDER one=192.0.2.1 two=192.0.2.2 three=192.0.2.3
#
# The address is the one under which the other hosts and the load balancer reach it; it may be a DNS name.
set -eu
umask 077
here=$(dirname "$0")

[ $# -ge 4 ] || {
    echo "Say where, and at least three hosts: sh $0 FOLDER HOST=ADDRESS HOST=ADDRESS HOST=ADDRESS" >&2
    exit 1
}
folder=$1
shift
sh "$here/certificates.sh" "$folder" "$@"

secret() {
    openssl rand -hex 32
}

addresses=
for host in "$@"; do
    addresses="$addresses${addresses:+ }${host#*=}"
done
shared="# The same on every host.
HOSTS=\"$addresses\"
APP_SECRET=$(secret)
APP_PASS=$(secret)
ADMIN_TOKEN=$(secret)
NATS_GATEWAY_PASSWORD=$(secret)
NATS_BROKER_PASSWORD=$(secret)
NATS_AUTH_API_PASSWORD=$(secret)
ROUTE_PASSWORD=$(secret)
LOG_REPLICAS=3
# When NATS syncs what it has taken: a time, or \"always\", which is safe from a power cut on all hosts at once, and dearer.
NATS_SYNC=5s
# The load balancer's addresses, comma-separated.
TRUSTED_PROXIES=127.0.0.1
DEMO=off"
for host in "$@"; do
    printf '%s\n\n# This host.\nHOST=%s\nADDRESS=%s\nSTORE=/var/lib/parley/nats\n' "$shared" "${host%%=*}" "${host#*=}" \
        >"$folder/${host%%=*}/parley.env"
done
echo "Made parley.env for each host. All other settings can stand there, too."
