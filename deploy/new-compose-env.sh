#!/bin/sh
# Prints a fresh .env for docker-compose.yml, every secret random:
#   sh deploy/new-compose-env.sh > .env
# Do this once and keep the file, because servers keep the passwords of their first start.
set -eu
# The shell that redirects has already created the file, readable by every user.
if [ -f /dev/stdout ]; then
  chmod 600 /dev/stdout || echo 'Others may be able to read this file: its mode cannot be changed.' >&2
fi

# Only 0-9 and a-f: they need no quoting in a URL, a shell or YAML.
secret() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
# 32 bytes, as Pulse wants them.
key() { head -c 32 /dev/urandom | base64; }

cat <<END
ADMIN_USERNAME=admin
ADMIN_PASSWORD=$(secret)
JWT_SECRET=$(secret)
RABBITMQ_PASSWORD=$(secret)
REDIS_PASSWORD=$(secret)
POSTGRES_PASSWORD=$(secret)
GRAFANA_PASSWORD=$(secret)
WEBHOOK_SECRET_KEYS=first:$(key)
END
