"""The project itself: set-up that fails in one clear line, lists that agree, imports that run downwards."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import draganything_lab
from draganything_lab.cli import main as cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "draganything_lab"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
# The way of the data, and below it those who use the way: each may import what stands before it.
ROOMS = """
    errors lazy media scene toyland models segment control pipeline tracking motion show
    evaluate training studio lessons gallery cli
"""
HOUSE = ROOMS.split()


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def address(path: Path) -> str:
    """A module's or a package's dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: Collection[str]) -> Iterator[str]:
    """Dotted names inside the package that a module imports, wherever in the file."""
    package = ["draganything_lab", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package[: len(package) - node.level + 1] if node.level else []
        source = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
        for alias in node.names:
            name = f"{source}.{alias.name}"
            if name in known or source in known:
                yield name if name in known else source


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Module -> the modules and packages that it imports."""
    paths = {address(path): path for path in modules()}
    return {name: set(imported(path, paths)) for name, path in paths.items()}


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_every_room_has_its_place() -> None:
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()} - {"__init__"}
    assert there == set(HOUSE), "a new module goes into a room; a new room goes into ROOMS, where it belongs"


def test_imports_run_upwards_in_the_list_of_rooms_only(imports: dict[str, set[str]]) -> None:
    steps = {(name, other) for name, found in imports.items() for other in found if room(name) and room(other)}
    assert {(room(name), room(other)) for name, other in steps} > {("control", "scene"), ("cli", "pipeline")}
    wrong = [step for step in steps if HOUSE.index(room(step[1])) > HOUSE.index(room(step[0]))]
    assert not wrong, "these import what stands below them"


def test_no_circle_of_imports(imports: dict[str, set[str]]) -> None:
    left = {name: set(found) for name, found in imports.items()}
    while free := {name for name, found in left.items() if not found}:
        left = {name: found - free for name, found in left.items() if name not in free}
    assert not left, "these modules import each other in a circle, or import one that does"


def test_files_stay_short() -> None:
    sources = [*modules(), *(ROOT / "tools").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): lines_of_code(path) for path in sources}
    assert not {name: length for name, length in lengths.items() if length > 280}, (
        "split these: one idea per file, near 250 lines"
    )


def test_every_import_of_the_package_finds_its_name() -> None:
    """An import inside a function runs late: one that was left behind when a module moved would be found by a user."""
    for path in modules():
        package = ["draganything_lab", *path.relative_to(PACKAGE).parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                module = importlib.import_module(".".join([*base, *filter(None, [node.module])]))
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{module.__name__}.{alias.name}")


def lines_of_code(path: Path) -> int:
    """Lines that are neither blank, nor comment, nor docstring: long docstrings are welcome."""
    text = path.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and at not in told for at, line in lines)


def test_package_inits_only_hand_on() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        for node in ast.parse(path.read_text()).body:
            for part in [*node.body, *node.orelse] if isinstance(node, ast.If) else [node]:  # if TYPE_CHECKING
                assert isinstance(part, (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)), path


def test_import_is_quick_and_light(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys, time; start = time.process_time(); import draganything_lab; "
        "print(time.process_time() - start, 'torch' in sys.modules)"
    )
    best = min(float(python(code).stdout.split()[0]) for _ in range(3))
    assert best < 0.5 and python(code).stdout.split()[1] == "False"


PUBLIC = """
    LabError Scene Studio Trajectory build_control load_pipeline load_segmenter measure named_scene preview show track
"""


def test_the_public_names_need_no_torch(
    python: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    assert set(draganything_lab.__all__) == set(PUBLIC.split()) <= set(dir(draganything_lab))
    done = python(
        f"import sys; sys.modules['torch'] = None; from draganything_lab import {', '.join(PUBLIC.split())}; "
        "assert callable(preview) and callable(measure) and callable(track) and callable(show.masks)"
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Scenery'"):
        _ = draganything_lab.Scenery


def test_no_torch_before_it_is_needed(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    names = ["scene", "control", "pipeline", "toyland", "show", "media", "models.zoo", "cli.demo", "cli.doctor"]
    imports = "; ".join(f"import draganything_lab.{name}" for name in names)
    done = python(f"import sys; sys.modules['torch'] = None; {imports}")
    assert done.returncode == 0, done.stderr


def test_environment_follows_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert set(plain) == {f"python{PROJECT['requires-python']}", "pip"}
    (through_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert through_pip == ["-e .[all]"]
    extras = PROJECT["optional-dependencies"]
    (everything,) = [Requirement(line) for line in extras["all"]]
    assert everything.name == PROJECT["name"] and everything.extras == set(extras) - {"all", "dev", "docs", "gpu"}


def test_makefile_and_readme_agree() -> None:
    targets = set(re.findall(r"^([\w-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    readme = (ROOT / "README.md").read_text()
    used = set(re.findall(r"^make ([\w-]+)", readme, re.M)) | set(re.findall(r"`make ([\w-]+)`", readme))
    assert {"demo", "test", "test-all", "lab", "check", "bench"} <= used <= targets
    for command in re.findall(r"draganything-lab (\w+)", readme):
        assert command in cli.COMMANDS
    for link in re.findall(r"\]\(([^)#:]+)\)", readme) + re.findall(r'src="([^":]+)"', readme):
        assert (ROOT / link).exists(), link
    assert "Apache License" in (ROOT / "LICENSE").read_text() and PROJECT["license"] == "Apache-2.0"


def test_the_marker_makefile_ci_and_contributing_agree_on_what_is_run() -> None:
    (marker,) = (line.partition(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"])
    recipes = dict(re.findall(r"^([\w-]+):.*##.*\n\t(.*)", (ROOT / "Makefile").read_text(), re.M))
    assert recipes["test"] == f'{recipes["test-all"]} -m "not {marker}"'
    told = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(words in told for words in ("`make test`", "`make test-all`", f"`@pytest.mark.{marker}`"))
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK) and "make test-all" in ci.read_text().splitlines()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with what the installer reads, and nothing else."""
    for name in ("pyproject.toml", "README.md", "tools/install.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "draganything_lab").mkdir()
    return tmp_path


def install(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "tools/install.sh", "models"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHON": sys.executable, **environment},
    )


def program(folder: Path, name: str, script: str) -> str:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / name).chmod(0o755)
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_no_python_is_said_in_one_line(bare: Path) -> None:
    assert "Python 3.10 to 3.14 is needed (no Python found)" in one_error(install(bare, PYTHON="", PATH="/nonexistent"))
    assert "at /nowhere/python" in one_error(install(bare, PYTHON="/nowhere/python"))


def test_an_old_python_is_said_in_one_line(bare: Path) -> None:
    old = 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac'
    path = program(bare, "old python", old)
    assert "is 3.9" in one_error(install(bare, PYTHON=str(bare / "bin" / "old python"), PATH=path))


def test_a_full_disk_is_said_in_one_line(bare: Path) -> None:
    path = program(bare, "df", 'echo head; echo "disk 9 9 3145728 9% /"')
    assert "3 GB free here, and about 8 GB are needed" in one_error(install(bare, PATH=path, TORCH="cuda"))
    assert not (bare / ".venv").exists()


def test_no_network_is_said_in_one_line(bare: Path) -> None:
    done = install(
        bare, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1", PIP_FIND_LINKS=""
    )
    assert "could not be downloaded; connect to the network" in one_error(done)
    assert (bare / ".venv" / "install.log").exists()
