#!/bin/sh
# Makes the passwords of docker-compose.yml, once: what is there stays.
# They are in secrets/, which only you can enter; containers see each file by itself.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in redis_admin redis_publisher redis_consumer redis_operator redis_deployer redis_replica redis_sentinel grafana_admin; do
  [ -s "secrets/$name" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "secrets/$name"
  # Programs in containers run as users of their own.
  chmod 644 "secrets/$name"
done
