#!/bin/sh
# What the Debians in folders need, on Debian or Ubuntu as root: what makes them, and what runs programs for arm64.
# Does nothing where all is there.
set -eu

set -- mmdebstrap arch-test debian-archive-keyring qemu-user-static binfmt-support

if ! command -v dpkg-query >/dev/null; then
    echo "install.sh: not a Debian; install by hand what is like $*" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: needs root" >&2
    exit 1
fi
# In a container nobody may have done so.
[ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
    echo "install.sh: no binfmt_misc, so nothing for arm64 runs here" >&2
installed=$(dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -c '^installed$') || true
if [ "$installed" -ne $# ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$@" >/dev/null
fi
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || update-binfmts --enable qemu-aarch64
