#!/bin/sh
# Runs nats-server so that a message costs it little: sh deploy/nats.sh nats-server --config FILE

# On one core NATS carries more than a broker on another can follow; on several, its threads hand each message around
# among them, which costs a third more CPU time.
export GOMAXPROCS="${GOMAXPROCS:-1}"

# While anything runs, one of Go's threads wakes up every 20 microseconds to look around: at some hundred messages a
# second a quarter of all that NATS does. Linux may let it sleep for a millisecond (in nanoseconds here).
if [ -w /proc/self/timerslack_ns ]; then
    echo 1000000 > /proc/self/timerslack_ns
fi

# The version before had no accounts. What it stored belongs to the one with the log now.
store="${STORE:-/data}/jetstream"
if [ -d "$store/\$G" ] && [ ! -e "$store/PARLEY" ] && grep -q "^  PARLEY:" "$3" 2> /dev/null; then
    mv "$store/\$G" "$store/PARLEY"
fi

# What a power cut may cost, in quotes as NATS wants it. With "always" it costs nothing, and each message costs more.
export NATS_SYNC="${NATS_SYNC:-\"5s\"}"

# A heap that doubles before it is looked through is more than one client may cause.
export GOGC="${GOGC:-40}"

exec "$@"
