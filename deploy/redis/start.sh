#!/bin/sh
# Puts the passwords of the secrets into users.acl and sentinel.conf, and starts a server or a Sentinel, with what else
# is said on the command line:
#   start.sh server --include /etc/redis/tls.conf
#   start.sh sentinel
# The program is REDIS_SERVER, or `redis-server`.
# A password is a file SECRETS/redis_USER of one line. Servers know hashes of them; only replicas and Sentinels, which log in
# elsewhere, get the password itself. What is written is in RUN, which need not outlive the server: a tmpfs.
# A replica's first primary is PRIMARY: `HOST 6379`. Who follows whom changes with a fail-over, and Sentinels write it into
# the configuration; so both kinds of server have a copy of it in the working folder, and begin there again.
set -eu
umask 077
here=$(dirname "$0")
secrets=${SECRETS:-/run/secrets}
run=${RUN:-/run/glmsg}

secret() {
  file="$secrets/redis_$1"
  [ -s "$file" ] || { echo "$file is missing or empty: make it with deploy/docker/secrets.sh" >&2; exit 1; }
  value=$(cat "$file")
  # They stand in configuration files and in addresses.
  case $value in *[!A-Za-z0-9]*) echo "$file: letters and digits only" >&2; exit 1 ;; esac
  printf %s "$value"
}

# Containers start as root, and the image's entry point then starts the server as its own user.
give() { if [ "$(id -u)" = 0 ] && id redis >/dev/null 2>&1; then chown redis "$@"; fi; }

program=${REDIS_SERVER:-redis-server}
role=$1
shift
case $role in
sentinel)
  # A Sentinel that has failed over knows better than this file who the primary is.
  if [ ! -e sentinel.conf ]; then
    password=$(secret sentinel)
    sed "s/<sentinel>/$password/" "$here/sentinel.conf" > sentinel.conf.new
    give . sentinel.conf.new
    mv sentinel.conf.new sentinel.conf
  fi
  set -- "$program" "$PWD/sentinel.conf" --sentinel "$@"
  ;;
server)
  mkdir -p "$run"
  cp "$here/users.acl" "$run/users.acl"
  for user in admin publisher consumer operator deployer replica sentinel; do
    password=$(secret "$user")
    hash=$(printf %s "$password" | sha256sum | cut -d' ' -f1)
    sed -i "s/^user $user on <password>/user $user on #$hash/" "$run/users.acl"
  done
  password=$(secret replica)
  echo "masterauth $password" > "$run/masterauth.conf"
  # Of the copy only this is kept: all else may have been changed in the file that it is made of.
  if [ -e redis.conf ]; then
    follows=$(grep '^replicaof ' redis.conf || true)
  else
    follows=${PRIMARY:+replicaof $PRIMARY}
  fi
  { cat "$here/redis.conf"; echo "$follows"; } > redis.conf.new
  give . "$run" "$run/users.acl" "$run/masterauth.conf" redis.conf.new
  mv redis.conf.new redis.conf
  set -- "$program" "$PWD/redis.conf" --aclfile "$run/users.acl" --include "$run/masterauth.conf" "$@"
  ;;
*)
  echo "start.sh: say server or sentinel, not $role" >&2
  exit 2
  ;;
esac
# In the official images the entry point gives up root.
if command -v docker-entrypoint.sh >/dev/null; then exec docker-entrypoint.sh "$@"; fi
exec "$@"
