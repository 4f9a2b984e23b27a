#!/bin/sh
# Find a Chromium for the browser tests: the one of the system, else Debian's package if it can be installed, else Playwright's.
# Prefer the headless shell: it draws no window, which would take half of the processor's time.
has() {
  for name in "$@"; do
    [ -n "$name" ] && command -v "$name" >/dev/null && return 0
  done
  return 1
}
installed() {
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
  apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1 && return 0
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1
}
has "${CHROMIUM:-}" chromium-headless-shell && exit 0
echo "Installing Chromium …"
installed chromium-headless-shell && exit 0
has chromium chromium-browser google-chrome && exit 0
installed chromium && exit 0
exec .venv/bin/python -m playwright install chromium
