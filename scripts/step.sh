#!/bin/sh
# Run one step of the setup. If it fails, print one line: the step, the likely cause, and what to do.
#   scripts/step.sh "Installing the packages" COMMAND …
step=$1
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
"$@" >"$log" 2>&1
status=$?
if [ $status -eq 0 ]; then
    cat "$log"
    exit 0
fi

says() { grep -qiE "$1" "$log"; }

if says 'certificate|UnknownIssuer|SSLError|self.signed'; then
    cause='the certificate of the package index is not trusted, as behind a proxy that opens encrypted connections'
    advice="Add the proxy's certificate to the system's store, or set SSL_CERT_FILE to a file with it."
elif says '\b407\b|proxy authentication'; then
    cause='the proxy asks for a name and a password'
    advice='Set HTTPS_PROXY=http://name:password@proxy:port.'
elif says '\b40[13]\b.*(unauthorized|forbidden)|(unauthorized|forbidden).*\b40[13]\b|status code 40[13]'; then
    cause='the package index refuses this user'
    advice='Check the user and the password in the address of the index (UV_DEFAULT_INDEX, PIP_INDEX_URL).'
elif says 'hash(es)? (do not|does not|mismatch)|Hash mismatch'; then
    cause='a package is not the one that was pinned'
    advice='The package index, or something on the way to it, sends other files: use the public index, or pin again with make lock.'
elif says 'no space left|disk quota'; then
    cause='the disk is full'
    advice='Make room: about 2 GB are needed.'
elif says 'ensurepip|No module named venv'; then
    cause='this Python has no venv'
    advice='Install it: apt install python3-venv.'
elif says 'permission denied|read-only file system'; then
    cause='a file may not be written'
    advice='Run make as the user to whom this folder belongs.'
elif says 'resolve|dns error|refused|timed? ?out|unreachable|reset by peer|connection (error|failed)|tunnel|failed to fetch|error sending request'; then
    cause='the package index cannot be reached'
    advice='Check the network. Behind a proxy set HTTPS_PROXY=http://proxy:port, for another index UV_DEFAULT_INDEX and PIP_INDEX_URL.'
elif says 'no matching distribution|could not find a version|no solution found'; then
    cause='the package index does not have a package, or not for this Python'
    advice='Use Python 3.11 to 3.14 (make PYTHON=python3.12 run), and an index with all packages.'
else
    cause='see above'
    advice='Fix it and run make again: it goes on where it was.'
fi
tail -n 12 "$log" >&2
echo "$step failed: $cause. $advice" >&2
exit $status
