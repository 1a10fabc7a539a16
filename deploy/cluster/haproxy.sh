#!/bin/sh
# Writes the load balancer's configuration for HOSTS to the standard output: deploy/haproxy.cfg, with the servers of these
# hosts in the place of those that Docker's DNS would name.
set -eu
config=$(dirname "$0")/../haproxy.cfg

# Sessions with a host that does not answer any more are ended after some 4 s, a second later than the broker gives its
# gateway up: its clients would wait for PING_INTERVAL + PING_TIMEOUT otherwise.
CHECK='check inter 1s rise 1 fall 4 on-marked-down shutdown-sessions'

of_each_host() {
    number=0
    for address in $HOSTS; do
        number=$((number + 1))
        printf '  server %s%d %s:%d\\n' "$1" "$number" "$address" "$2"
    done
}

sed -E \
    -e '/^resolvers docker/,/^$/d' \
    -e "s/^  default-server .*/  default-server $CHECK/" \
    -e "s/^  server-template gateway .*/$(of_each_host gateway 8000)/" \
    -e "s/^  server-template auth_api .*/$(of_each_host auth_api 8001)/" \
    -e 's/^  bind :8404/  bind 127.0.0.1:8404/' \
    "$config"
