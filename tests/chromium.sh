#!/bin/sh
# Find a Chromium for the browser tests: the system's, else Debian's if it can be installed, else Playwright's own.
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  [ -n "$name" ] && command -v "$name" >/dev/null && exit 0
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium …"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
exec .venv/bin/python -m playwright install chromium
