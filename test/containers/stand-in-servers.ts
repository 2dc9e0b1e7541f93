/**
 * One image for the three servers of the compose file, built from Debian's packages. It has the users, folders and
 * start-up variables of the official images that the compose file relies on.
 */

/** Starts like the official image: creates the cluster and the database on the first start, then serves. */
const POSTGRES = `#!/bin/sh
set -e
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile /tmp/password --auth scram-sha-256 -E UTF8 > /dev/null
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  "$bin/pg_ctl" -D "$data" -o "-c listen_addresses=" -w start > /dev/null
  PGPASSWORD=$POSTGRES_PASSWORD "$bin/createdb" -U "$POSTGRES_USER" "$POSTGRES_DB"
  "$bin/pg_ctl" -D "$data" -m fast -w stop > /dev/null
fi
exec "$bin/postgres" -D "$data" -c "listen_addresses=*"
`;

const INSTALL =
  "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d" +
  ' && apt-get update -q' +
  ' && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends' +
  ' rabbitmq-server redis-server postgresql && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/*/main' +
  // Instead of Debian's wrappers, which look for a cluster made by Debian.
  ' && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/';

/** An empty file system mounted over a folder takes the folder's mode. */
const FOLDERS =
  'mkdir -p /data /var/lib/postgresql/data && chown redis:redis /data' +
  ' && chown postgres:postgres /var/lib/postgresql/data && chmod 700 /var/lib/postgresql/data' +
  ' && chmod 3777 /var/run/postgresql && chmod 1777 /var/log/rabbitmq';

export const SERVERS_CONTAINERFILE = `ARG BASE
FROM $BASE
RUN ${INSTALL}
RUN ${FOLDERS} && echo ${Buffer.from(POSTGRES).toString('base64')} | base64 -d > /usr/local/bin/start-postgres \\
  && chmod 755 /usr/local/bin/start-postgres
`;

/** The command of the official image, for a service without a command in the compose file. */
export const STAND_IN_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  // Debian's own command writes log files; the official image writes to standard output.
  rabbitmq: ['sh', '-c', 'RABBITMQ_LOGS=- exec /usr/lib/rabbitmq/bin/rabbitmq-server'],
  postgres: ['start-postgres'],
};

/** The folder in which the official image starts its command. */
export const WORK_FOLDERS: Readonly<Record<string, string>> = { redis: '/data' };
