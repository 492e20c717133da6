#!/bin/sh
# What the board needs, on Debian as root: a kernel with its headers, a compiler for board.c, and QEMU.
# Does nothing where all is there.
set -eu

set -- linux-image-amd64 linux-headers-amd64 qemu-system-x86 busybox-static kmod make gcc

if ! command -v dpkg-query >/dev/null; then
    echo "install.sh: not a Debian; install by hand what is like $*" >&2
    exit 1
fi
installed=$(dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -c '^installed$') || true
if [ "$installed" -eq $# ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: needs root to install $*" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# The board brings its own initramfs: Debian's would be made for nothing.
export INITRD=No
apt-get update -qq
apt-get install -qq -y --no-install-recommends "$@" >/dev/null
