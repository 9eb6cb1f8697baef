#!/bin/sh
# Builds the container image that the broker tests use where no registry can be reached:
# Debian's mosquitto and the libraries it needs, on nothing else (about 15 MB).
# Starts a container engine first if none answers (needs root; installs Debian's docker.io if
# it is missing). Elsewhere set BAMBU2MQTT_TEST_IMAGE=eclipse-mosquitto:2 and skip this script.
set -eu

image=${BAMBU2MQTT_TEST_IMAGE:-bambu2mqtt-test-mosquitto:local}
say() { echo "build-image: $*" >&2; }

need() { # COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 && return
    say "installing $2"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$2" >/dev/null
}

# The plain binaries are in sbin, which is not on everyone's PATH.
PATH=$PATH:/usr/sbin:/sbin

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

start_engine() {
    need dockerd docker.io
    log=${TMPDIR:-/tmp}/bambu2mqtt-dockerd.log
    # One that was killed hard leaves its number behind, and somebody else may have that by now.
    rm -f /var/run/docker.pid
    for driver in overlay2 vfs; do
        say "starting dockerd with $driver, log in $log"
        # Sandboxes rarely allow bridges and packet filters; the tests use the host's network.
        # `setsid` because the engine outlives this script.
        setsid dockerd --storage-driver="$driver" --iptables=false --ip6tables=false --bridge=none \
            >"$log" 2>&1 </dev/null &
        engine=$!
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
            engine_answers && return
            kill -0 "$engine" 2>/dev/null || break
            sleep 1
        done
        kill "$engine" 2>/dev/null || true
        wait "$engine" 2>/dev/null || true
    done
    say "no container engine could be started; the end of $log says why:"
    tail -n 5 "$log" >&2
    exit 1
}

command -v docker >/dev/null 2>&1 || need docker docker.io
engine_answers || start_engine

if [ "${1:-}" != --force ] && docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is there already"
    exit 0
fi

need mosquitto mosquitto
mosquitto=$(command -v mosquitto)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT INT TERM

# Libraries keep their paths, so that the loader finds them without a cache.
for file in "$mosquitto" $(ldd "$mosquitto" | grep -o '/[^ ]*'); do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
done
[ -e "$root/usr/sbin/mosquitto" ] || { mkdir -p "$root/usr/sbin"; cp -L "$mosquitto" "$root/usr/sbin/mosquitto"; }
mkdir -p "$root/etc" "$root/tmp" "$root/mosquitto/config" "$root/mosquitto/data"
printf 'root:x:0:0:root:/:/sbin/nologin\nmosquitto:x:1883:1883:mosquitto:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nmosquitto:x:1883:\n' >"$root/etc/group"
# Without it the resolver of glibc asks for plugins that are not here.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# `docker import` needs neither a builder nor a base image.
tar -C "$root" -c . | docker import \
    --change 'CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]' \
    - "$image" >/dev/null
say "built $image from $("$mosquitto" -h | head -n 1), $(du -sh "$root" | cut -f1)"
