#!/bin/sh
# Writes one whole turn with redis-cli, token by token.
#
#   REDIS_HOST=127.0.0.1 REDIS_PORT=6379 ./producer.sh chat:42 t81
#
# '0-*' lets Redis number the entries 0-1, 0-2, …: the epoch that needs no lease.
set -eu
channel=$1 turn=$2
key="karez:{app/$channel}:turn:$turn"
say() { redis-cli -h "${REDIS_HOST:-127.0.0.1}" -p "${REDIS_PORT:-6379}" -e "$@" >/dev/null; }

say XADD "karez:{app/$channel}:timeline" '0-*' turn "{\"turn\":\"$turn\"}"
say XADD "$key" '0-*' prompt '{"text":"Say hello"}' v 1

for token in 'Hel' 'lo ' 'from ' 'a ' 'shell 🌊'; do
	say XADD "$key" '0-*' text "$token" # -e: a refusal, because someone closed the turn, ends this script
done

say XADD "$key" '0-*' end '{"reason":"stop"}'
say EXPIRE "$key" 2592000
say XADD "karez:{app/$channel}:timeline" '0-*' turn_end "{\"turn\":\"$turn\",\"state\":\"completed\"}"
