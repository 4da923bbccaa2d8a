#!/usr/bin/env bash
# Builds the S3 server that tests of object stores start: versitygw, from the Go module proxy. Once for each machine and
# version; a minute on two processors. Does nothing, and says so, where there is no Go. See docs/adr/0016-object-stores.md.
set -euo pipefail
version=1.8.0
home=${XDG_CACHE_HOME:-$HOME/.cache}/nabla-test/versitygw-$version
[ -x "$home/versitygw" ] && exit 0
go=$(command -v go || ls /usr/local/go/bin/go 2> /dev/null || true)
if [ -z "$go" ]; then
  echo "there is no Go here: the tests on an S3 server will be skipped" >&2
  exit 0
fi
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
# Without optimising: it is built in half the time, and is fast enough.
GOPATH=$scratch GOCACHE=$scratch/cache GOBIN=$scratch/bin CGO_ENABLED=0 GOFLAGS=-modcacherw \
  "$go" install -gcflags='all=-N -l' -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@v$version"
mkdir -p "$home"
mv "$scratch/bin/versitygw" "$home/versitygw.new"
mv "$home/versitygw.new" "$home/versitygw"
