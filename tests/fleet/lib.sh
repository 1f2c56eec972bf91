#!/usr/bin/env bash
# Machines as network namespaces on one bridge, for the scripts of this folder. To be sourced by bash, as root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck disable=SC2034 # of the scripts that source this
here=$PWD
scratch=$(mktemp -d)
machines=()
# Namespaces are named machine-wide; the prefix keeps two runs apart.
prefix=pacingd-$$

# Ends everything that the machines run, and removes them.
clean_up() {
  for machine in "${machines[@]}"; do
    ip netns pids "$prefix-$machine" | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$prefix-$machine"
  done
  [ -n "${KEEP:-}" ] || rm -rf "$scratch"
}
trap clean_up EXIT

on() { local machine=$1; shift; ip netns exec "$prefix-$machine" "$@"; }

# switch: the bridge that all machines are connected to.
switch() {
  machines+=(switch)
  ip netns add "$prefix-switch"
  on switch ip link add br0 type bridge mcast_snooping 0
  on switch ip link set br0 up
}

# machine NAME ADDRESS: with an eth0 on the switch.
machine() {
  local name=$1 address=$2
  machines+=("$name")
  ip netns add "$prefix-$name"
  ip link add "v$name" netns "$prefix-switch" type veth peer name eth0 netns "$prefix-$name"
  on switch ip link set "v$name" master br0 up
  on "$name" ip link set lo up
  on "$name" ip address add "$address/24" dev eth0
  on "$name" ip link set eth0 up
}

# within SECONDS COMMAND…: repeats the command until it succeeds, and prints after how many seconds it did.
within() {
  local seconds=$1 begin now; shift
  begin=$(date +%s%N)
  until "$@" >/dev/null 2>&1; do
    now=$(date +%s%N)
    if (( now - begin > seconds * 1000000000 )); then
      echo "not within $seconds s: $*" >&2
      return 1
    fi
    sleep 0.05
  done
  now=$(date +%s%N)
  printf '%d.%01d' $(( (now - begin) / 1000000000 )) $(( (now - begin) / 100000000 % 10 ))
}

# daemon MACHINE: starts pacingd with $scratch/MACHINE.toml.
daemon() {
  on "$1" "${PACINGD:-target/debug/pacingd}" --config "$scratch/$1.toml" --log stderr >>"$scratch/$1.log" 2>&1 &
}
# process MACHINE NAME: the numbers of its processes of this name.
process() { ip netns pids "$prefix-$1" | while read -r id; do [ "$(cat "/proc/$id/comm" 2>/dev/null)" != "$2" ] || echo "$id"; done; }
