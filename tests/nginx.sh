#!/bin/sh
# Find an nginx for the tests of deploy/nginx.conf: the one of the system, else Debian's package, unpacked in .venv. It is not
# installed, because the package would start a server on port 80. Without nginx, these tests are skipped.
for name in "${NGINX:-}" nginx /usr/sbin/nginx .venv/nginx/usr/sbin/nginx; do
  [ -n "$name" ] && command -v "$name" >/dev/null && exit 0
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unpack() {
  (cd "$folder" && apt-get download -qq nginx 2>/dev/null) && dpkg-deb -x "$folder"/nginx_*.deb .venv/nginx
}
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  echo "Unpacking nginx …"
  # The lists of packages may be missing or old.
  unpack || { apt-get update -qq 2>/dev/null && unpack; } && exit 0
fi
echo "nginx is not there. The tests that need it are skipped."
