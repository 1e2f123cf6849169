"""Try the lab with Google Colab's versions: what `make test-colab` does, alone on a machine.

    python tests/colab/run.py                       everything
    python tests/colab/run.py --lessons 0 3         the studio's tests, and some of the lessons only
    python tests/colab/run.py --lessons none        no lessons
    python tests/colab/run.py --env /tmp/colab      the environment somewhere else (about 5.5 GB)

It makes an environment with the versions of constraints.txt, runs the first cell of a lesson in it, with a stand-in for
`google.colab` and with its address turned to an archive of this very tree, and looks whether the cell has changed any
of those versions. Then the studio's tests and the lessons run, top to bottom, on the lab that the cell has installed.

A JupyterLab or Chromium is not part of it: Colab has a page of its own. For a browser with ipywidgets 7 see
CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONSTRAINTS = HERE / "constraints.txt"
PYTHON = "3.13"  # Colab's
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# What Colab brings, too, in a version that is not in the constraints.
MORE = ("accelerate", "safetensors", "scipy", "scikit-image")
TESTERS = ("pytest", "hypothesis", "pyyaml", "nbformat", "nbclient", "psutil")
STUDIO = [
    f"tests/test_{name}.py"
    for name in (
        "studio_generations",
        "studio_model",
        "studio_model_states",
        "studio_canvas",
        "studio_form",
        "studio_poses",
        "studio_look",
        "studio_strokes",
        "door",
        "study",
    )
]
CELL = """
import sys
import google.colab
exec(compile(open(sys.argv[1], encoding="utf-8").read(), "the first cell", "exec"))
"""


def main() -> int:
    """Do all of it; 0 if everything went well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--env", type=Path, default=ROOT / ".venv-colab")
    parser.add_argument("--lessons", nargs="*", default=[], help='numbers of lessons; "none" for none')
    options = parser.parse_args()
    start = time.monotonic()
    python = make_environment(options.env)
    run_first_cell(python)
    changed = {name: have for name, have in versions(python).items() if wanted().get(name, have) != have}
    if changed:
        print(f"error: the first cell has changed what Colab brings: {changed}", file=sys.stderr)
        return 1
    print(f"The first cell has left all {len(wanted())} versions of {CONSTRAINTS.name} alone.", flush=True)
    tests = [*STUDIO, *([] if options.lessons == ["none"] else lesson_tests(options.lessons))]
    # What is tried is the lab that the cell installed, not this folder's or another's.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONSAFEPATH": "1"}
    command = [python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *tests]
    failed = subprocess.run(command, cwd=ROOT, env=env).returncode
    print(f"make test-colab took {time.monotonic() - start:.0f} s.", flush=True)
    return failed


def wanted() -> dict[str, str]:
    """{name: version} of the constraints."""
    lines = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] != "#"]
    return dict(line.split("==") for line in lines)


def versions(python: Path) -> dict[str, str]:
    """{name: version} of what is installed and stands in the constraints; local parts such as +cpu are left out."""
    code = "import json, sys; from importlib.metadata import version as v; "
    code += "print(json.dumps({name: v(name).partition('+')[0] for name in sys.argv[1:]}))"
    return json.loads(
        subprocess.run([python, "-c", code, *wanted()], check=True, capture_output=True, text=True).stdout
    )


def make_environment(folder: Path) -> Path:
    """An environment with Colab's versions; one that is there already and has them is used again."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready.txt"
    asked = CONSTRAINTS.read_text(encoding="utf-8") + " ".join(MORE + TESTERS)
    if ready.is_file() and ready.read_text(encoding="utf-8") == asked:
        return python
    base = find_python()
    subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
    index = ["--extra-index-url", CPU_INDEX] if reachable(CPU_INDEX) else []
    print(
        f"torch comes from {CPU_INDEX if index else 'PyPI, with CUDA: ' + CPU_INDEX + ' cannot be reached'}", flush=True
    )
    pip = [python, "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "-c", CONSTRAINTS]
    subprocess.run([*pip, *index, *wanted(), *MORE, *TESTERS], check=True)
    ready.write_text(asked, encoding="utf-8")
    return python


def find_python() -> str:
    """Colab's Python, or the one that runs this, said so."""
    usual = [f"python{PYTHON}", *map(str, Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/python"))]
    for candidate in filter(None, [os.environ.get("PYTHON"), *usual]):
        code = "import sys; sys.exit('{}.{}'.format(*sys.version_info) != sys.argv[1])"
        if (
            shutil.which(candidate)
            and subprocess.run([candidate, "-c", code, PYTHON], stderr=subprocess.DEVNULL).returncode == 0
        ):
            return candidate
    print(
        f"Colab has Python {PYTHON}, this is {sys.version.split()[0]}; name one with PYTHON=/path/to/python", flush=True
    )
    return sys.executable


def reachable(address: str) -> bool:
    """Whether an index answers within a few seconds."""
    try:
        with urllib.request.urlopen(f"{address}/", timeout=5):
            return True
    except (OSError, ValueError):
        return False


def run_first_cell(python: Path) -> None:
    """Run the cell that every notebook begins with, its address turned to an archive of this tree."""
    notebook = json.loads((ROOT / "notebooks" / "00_drag_anything.ipynb").read_text(encoding="utf-8"))
    cell = "".join(next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["source"])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        archive = pack(place / "lab.zip")
        address = next(part for part in cell.split('"') if part.startswith("https://github.com/"))
        (place / "cell.py").write_text(cell.replace(address, archive.as_uri()), encoding="utf-8")
        (place / "google" / "colab").mkdir(parents=True)
        (place / "google" / "colab" / "__init__.py").touch()
        output = "def enable_custom_widget_manager():\n    print('custom widgets are on')\n"
        (place / "google" / "colab" / "output.py").write_text(output)
        env = {**os.environ, "PYTHONPATH": folder}
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "draganything-lab"], check=True)
        subprocess.run([python, "-c", CELL, place / "cell.py"], check=True, env=env, cwd=folder)


def pack(out: Path) -> Path:
    """This tree as GitHub would hand it out: what git knows, in a folder of its own."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                archive.write(ROOT / name, f"draganything-lab/{name}")
    return out


def lesson_tests(numbers: list[str]) -> list[str]:
    """The tests that run lessons from top to bottom; all of them for no numbers."""
    names = sorted(path.stem for path in (ROOT / "lessons").glob("[0-9][0-9]_*.py"))
    chosen = [name for name in names if not numbers or str(int(name[:2])) in numbers]
    test = "tests/test_notebooks.py::test_solutions_run_top_to_bottom_offline"
    return [f"{test}[{name}]" for name in chosen]


if __name__ == "__main__":
    sys.exit(main())
