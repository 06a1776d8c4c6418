#!/bin/sh
# Create the database at the first start, then run the command as the user postgres.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown postgres /run/postgresql /var/lib/postgresql
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    echo "${POSTGRES_PASSWORD:-}" > /tmp/password
    initdb --username="$user" ${POSTGRES_PASSWORD:+--pwfile=/tmp/password} > /dev/null
    rm /tmp/password
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    # Until the database exists, the server listens on a socket only.
    pg_ctl start --wait --options "-c listen_addresses=''" > /dev/null
    [ "$user" = postgres ] || createdb --username="$user" "$user"
    pg_ctl stop --wait
fi
exec "$@"
