#!/bin/sh
# Run tests with the lowest versions that pyproject.toml allows, in .venv-lowest. Needs uv and Python 3.10, the lowest.
#   sh tools/lowest.sh tests/test_pipeline.py …
set -eu
uv venv -q --allow-existing --python 3.10 .venv-lowest
uv pip install -q --python .venv-lowest/bin/python --resolution lowest-direct -e ".[dev]"
exec .venv-lowest/bin/python -m pytest "$@"
