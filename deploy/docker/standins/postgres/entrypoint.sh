# Does with POSTGRES_PASSWORD_FILE and the arguments what the official image's entrypoint does.
set -eu
data=/var/lib/postgresql/18/docker
if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -m 0700 /var/lib/postgresql/18 "$data"
    install -o postgres -m 0600 "$POSTGRES_PASSWORD_FILE" /tmp/password
    exec setpriv --reuid postgres --regid postgres --clear-groups sh "$0" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
    initdb -D "$data" -U postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
fi
exec "$@" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
