#!/bin/sh
# Writes secrets.env beside this file, every secret random. kustomize makes the Secret from it. Git ignores it.
# It does not touch an existing file, because servers keep the passwords of their first start.
set -eu
cd "$(dirname "$0")"
if [ -e secrets.env ]; then
  echo 'secrets.env exists; it is left as it is.' >&2
  exit 0
fi
umask 077

# Only 0-9 and a-f: they need no quoting in a URL.
secret() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
# 32 bytes, as Pulse wants them.
key() { head -c 32 /dev/urandom | base64; }
rabbitmq=$(secret)
redis=$(secret)
postgres=$(secret)

cat > secrets.env <<END
RABBITMQ_PASSWORD=$rabbitmq
RABBITMQ_URL=amqp://pulse:$rabbitmq@rabbitmq:5672
REDIS_PASSWORD=$redis
REDIS_URL=redis://default:$redis@redis:6379
POSTGRES_PASSWORD=$postgres
DATABASE_URL=postgres://pulse:$postgres@postgres:5432/pulse
JWT_SECRET=$(secret)
ADMIN_PASSWORD=$(secret)
WEBHOOK_SECRET_KEYS=first:$(key)
END
