#!/bin/sh
# Make .venv and install DragAnything Lab with some of its extras into it. Run from the project's folder; safe to repeat.
#   sh tools/install.sh models      what the demo needs
#   sh tools/install.sh dev         everything: models, notebooks, tests
# PYTHON=/path/to/python chooses the interpreter of a new environment.
# TORCH=cuda or TORCH=cpu chooses the build of PyTorch; without it Linux without an NVIDIA driver gets the CPU's, which is
# a tenth of the size, from PyTorch's own index (TORCH_INDEX) if that can be reached. uv installs if it is there, else pip.
set -eu
extras=$1
venv=.venv
log=$venv/install.log
need_gb=8
index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}
fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }

# An environment whose Python has gone or is too old, or that was cut off half made, is made again.
if ! fits $venv/bin/python || ! $venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python python3.14 python3.13 python3.12 python3.11 python3.10
    fi
    python='' found=''
    for candidate in "$@"; do
        seen=$(version_of "$candidate")
        [ -z "$seen" ] || found="$found${found:+, }$candidate is $seen"
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "Python 3.10 to 3.14 is needed (${found:-no Python found${PYTHON:+ at $PYTHON}}); install one, \
or name it: make demo PYTHON=/path/to/python3"
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$python cannot make environments; install its venv part (Debian, Ubuntu: sudo apt-get install python3-venv)"
    fresh=yes
fi

# Which PyTorch, where there is none yet.
if ! ls -d $venv/lib*/python*/site-packages/torch >/dev/null 2>&1; then
    driver=no
    { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1; } && driver=yes
    build=${TORCH:-}
    if [ -z "$build" ]; then
        build=cuda
        [ "$(uname -s)" != Linux ] || [ $driver = yes ] || build=cpu
    fi
    case $build in
        cuda) ;;
        cpu)
            if ! "${python:-$venv/bin/python}" - "$index" >/dev/null 2>&1 <<'REACH'
import sys, urllib.request
urllib.request.urlopen(sys.argv[1].rstrip("/") + "/torch/", timeout=5)
REACH
            then
                build=pypi
                echo "PyTorch comes from PyPI, with CUDA on Linux: the small CPU build is at $index, which cannot be reached."
            else
                need_gb=4
                echo "PyTorch comes as its small CPU build from $index (an NVIDIA GPU wants TORCH=cuda)."
            fi
            ;;
        *) fail "TORCH is $build; say TORCH=cuda or TORCH=cpu" ;;
    esac
    free_kb=$(df -Pk . | awk 'NR == 2 {print $4}')
    [ "$free_kb" -ge $((need_gb * 1024 * 1024)) ] ||
        fail "$((free_kb / 1024 / 1024)) GB free here, and about $need_gb GB are needed (PyTorch is most of it); make room first"
fi

if [ "${fresh:-}" = yes ]; then
    echo "Making $venv with $python ($(version_of "$python"))"
    "$python" -m venv --clear $venv || fail "the environment $venv could not be made, see above"
fi

# uv knows nothing of pip's settings: where those name an index, pip installs.
if command -v uv >/dev/null 2>&1 && ! $venv/bin/python -m pip config list 2>/dev/null | grep -Eq 'index|find-links'; then
    install() { uv pip install --python $venv/bin/python "$@" 2>&1 || echo PIP-FAILED; }
else
    install() { $venv/bin/python -m pip install --no-input --disable-pip-version-check "$@" 2>&1 || echo PIP-FAILED; }
fi
case ${build:-none} in
    none) size="what is missing" ;;
    cpu) size="the first time about 2 GB" ;;
    *) size="the first time up to 6.5 GB" ;;
esac
echo "Installing draganything-lab[$extras] into $venv ($size and some minutes; log: $log)"
show() { sed -n 's/^ *Downloading \(.*Mi*B)\)$/  downloading \1/p'; }
: >$log
if [ "${build:-}" = cpu ]; then
    # Alone, so that nothing else is taken from PyTorch's index; what they need comes with the rest. Other indexes that
    # the settings name might have a newer PyTorch, with CUDA: for this step only what the connection needs is kept.
    (
        for key in cert client-cert proxy timeout trusted-host; do
            value=$($venv/bin/python -m pip config get global.$key 2>/dev/null || true)
            name=PIP_$(echo $key | tr a-z- A-Z_)
            eval "[ -n \"\${$name:-}\" ]" || [ -z "$value" ] || export "$name=$value"
        done
        unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS
        export PIP_CONFIG_FILE=/dev/null
        install --no-deps --index-url "$index" 'torch>=2.5' 'torchvision>=0.20'
    ) | sed 's/^PIP-FAILED$/TORCH-FAILED/' | tee -a $log | show
    ! grep -q '^TORCH-FAILED$' $log || echo "$index has no PyTorch for this Python and system: it comes from PyPI (up to 6.5 GB)."
fi
install -e ".[$extras]" | tee -a $log | show
if grep -q '^PIP-FAILED$' $log; then
    if grep -q 'No space left' $log; then
        fail "the disk filled up while installing; about $need_gb GB are needed here and in ${TMPDIR:-/tmp}"
    elif grep -Eq 'ConnectionError|Timeout|Max retries exceeded|Network is unreachable|name resolution|from versions: none' $log; then
        fail "the packages could not be downloaded; connect to the network (or set PIP_INDEX_URL to a mirror) and run it again"
    fi
    fail "pip could not install: $(grep '^ *ERROR' $log | tail -n 1 | sed 's/^ *ERROR: //') (all of it in $log)"
fi
# The browser tests need a Chromium; without one they are skipped, and the tests' summary says so.
case $extras in
    *dev*)
        found=''
        for name in chromium chromium-browser google-chrome google-chrome-stable; do
            command -v $name >/dev/null 2>&1 && found=$name && break
        done
        if [ -z "$found" ] && [ -z "${CHROMIUM:-}" ]; then
            if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
                { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >>$log 2>&1 || true
            fi
            command -v chromium >/dev/null 2>&1 ||
                echo "No Chromium: the browser tests will be skipped (Debian, Ubuntu: sudo apt-get install chromium, or name one: CHROMIUM=/path)."
        fi
        ;;
esac
echo "Installed."
