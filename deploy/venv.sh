#!/bin/sh
# usage: deploy/venv.sh VENV LOCK
# Makes the virtual environment VENV with exactly what LOCK names (checked by hash) and mailbot itself (editable).
# Needs no root and asks no server but the ones pip and apt of this machine are set to.
set -eu
venv=$1
lock=$2
here=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    printf '%s\n' "deploy/venv.sh: $1" "mend: $2" >&2
    exit 1
}

# A python that starts and is new enough; a shim of a version manager may be in PATH and yet refuse to run.
python=
for candidate in "${PYTHON:-python3.11}" python3.11 python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11, 2))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "no Python 3.11.2 or newer" "apt install python3"

# Debian's python3 has no ensurepip until python3-venv is installed: then pip comes from outside, see below.
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11, 2))' 2>/dev/null; then
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null 2>&1 || "$python" -m venv --clear --without-pip "$venv"
fi
interpreter=$(cd "$venv" && pwd)/bin/python
echo "deploy/venv.sh: installing $lock into $venv, half a minute or so"

# Debian's own pip, fetched by apt as an ordinary user: its lists and archives stay below VENV.
debian_pip() {
    command -v apt-get >/dev/null || return 1
    apt=$(cd "$venv" && pwd)/.apt
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    set -- -qq -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Dir::State="$apt/state" \
        -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$apt/cache"
    apt-get "$@" update >&2 || true # one unreachable source of many is no reason to stop
    (cd "$apt" && apt-get "$@" download python3-pip-whl >&2 && dpkg-deb -x python3-pip-whl_*.deb "$apt") || return 1
    rm -rf "$apt/state" "$apt/cache"
}

wheel() {
    for file in /usr/share/python-wheels/pip-*.whl "$venv"/.apt/usr/share/python-wheels/pip-*.whl; do
        [ -f "$file" ] && printf '%s' "$file" && return
    done
    return 1
}

pip() { "$interpreter" -m pip --disable-pip-version-check "$@"; }
if ! pip --version >/dev/null 2>&1; then
    if "$python" -m pip --python "$interpreter" --version >/dev/null 2>&1; then
        pip() { "$python" -m pip --disable-pip-version-check --python "$interpreter" "$@"; }
    else
        wheel >/dev/null || debian_pip || fail "this Python has no pip, and apt could not fetch Debian's" \
            "apt install python3-venv"
        pip_wheel=$(wheel)
        pip() { "$interpreter" "$pip_wheel/pip" --disable-pip-version-check "$@"; }
    fi
fi

# Some packages come as source only. They are built with the locked setuptools, in place: an isolated build would fetch
# an unlocked one.
awk '/^[^ #]/ { wanted = /^setuptools==/ } wanted' "$lock" >"$venv/setuptools.lock"
pip install --quiet --no-deps --require-hashes --only-binary :all: --requirement "$venv/setuptools.lock"
pip install --quiet --no-deps --require-hashes --no-build-isolation --use-pep517 --requirement "$lock"
pip install --quiet --no-deps --no-build-isolation --editable "$here"
