#!/bin/sh
# script.sh [RUNS [PAUSE]]: what JavaScript values cost; fails where the first
# of a run takes more than 0.5 ms or a further one more than 0.05 ms (medians).
set -eu
cd "$(dirname "$0")/../.."
build=${ACTD_BUILD:-build}
[ -x "$build/actd-evaluator" ] || {
	echo "bench: there is no $build/actd-evaluator: please run make" >&2
	exit 69
}
packages='json-c libpq libjwt openssl libcurl yaml-0.1 tomlplusplus libcrypt'
mkdir -p "$build/bench"
# shellcheck disable=SC2046,SC2086
${CC:-cc} -D_GNU_SOURCE -I. -std=c11 -O2 -Wall -Wextra -Werror \
	$(pkg-config --cflags $packages) -o "$build/bench/script" \
	tests/bench/script.c "$build/libactd.a" \
	$(pkg-config --libs $packages) -lfcgi -lstdc++
exec "$build/bench/script" "$build/actd-evaluator" "$@"
