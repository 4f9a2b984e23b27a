#!/bin/sh
# Find Firefox and PulseAudio (a virtual sound card) for the tests: those of the system, else Debian's packages if they can be
# installed. Without them, the tests in Firefox are skipped.
packages=
[ -n "${FIREFOX:-}" ] || command -v firefox-esr >/dev/null || command -v firefox >/dev/null || packages=firefox-esr
command -v pulseaudio >/dev/null && command -v paplay >/dev/null || packages="$packages pulseaudio pulseaudio-utils"
[ -n "$packages" ] || exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing$(printf ' %s' $packages) …"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages >/dev/null && exit 0
fi
echo "Not installed:$(printf ' %s' $packages). The tests that need them are skipped."
