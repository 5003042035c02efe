#!/bin/sh
# Makes what must not lie in an image: the password of the role mailbot, where there is none yet. /database-access is shared
# with mailbot (uid 10001), which reads it there in the form of libpq.
set -eu
umask 077
bin=/usr/lib/postgresql/15/bin
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
if [ ! -s /database-access/passfile ]; then
    printf '*:*:*:mailbot:%s\n' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >/database-access/passfile.new
    mv /database-access/passfile.new /database-access/passfile
fi
password=$(cut -d: -f5 /database-access/passfile)
chown 10001:10001 /database-access/passfile
chmod 0755 /database-access
chown postgres:postgres /srv/database
single() { as_postgres $bin/postgres --single -D "$1" -c password_encryption=scram-sha-256 postgres >/dev/null; }
# Under another name until it is whole: a start that was cut short begins anew.
if [ ! -d /srv/database/data ]; then
    as_postgres rm -rf /srv/database/new
    as_postgres $bin/initdb -D /srv/database/new -U postgres --auth=reject -E UTF8 --locale=C
    printf 'CREATE ROLE mailbot LOGIN\nCREATE DATABASE mailbot OWNER mailbot\n' | single /srv/database/new
    as_postgres mv /srv/database/new /srv/database/data
fi
# At each start: a database that was put back meets a password that was made anew.
printf "ALTER ROLE mailbot PASSWORD '%s'\n" "$password" | single /srv/database/data
exec setpriv --reuid=postgres --regid=postgres --clear-groups \
    $bin/postgres -D /srv/database/data -c config_file=/etc/postgresql/postgresql.conf
