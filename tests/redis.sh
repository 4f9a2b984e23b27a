#!/bin/sh
# Find a Redis server for the tests: the one of the system, else Debian's packages, unpacked in .venv. They are not installed,
# because the package would start a server on its usual port. Without Redis, these tests are skipped.
for name in redis-server .venv/redis/usr/bin/redis-server; do
  command -v "$name" >/dev/null && exit 0
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unpack() {
  # The last two are libraries that it needs.
  (cd "$folder" && apt-get download -qq redis-server redis-tools libjemalloc2 liblzf1 2>/dev/null) || return 1
  for package in "$folder"/*.deb; do dpkg-deb -x "$package" .venv/redis || return 1; done
}
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  echo "Unpacking Redis …"
  # The lists of packages may be missing or old.
  unpack || { apt-get update -qq 2>/dev/null && unpack; } && exit 0
fi
echo "Redis is not there. The tests that need it are skipped."
