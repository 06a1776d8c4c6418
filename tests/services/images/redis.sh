#!/bin/sh
# Run the command as the user redis, and accept connections from other containers.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown redis /data
    set -- setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@" --protected-mode no
