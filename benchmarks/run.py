"""Run every benchmark of this folder, each in a process of its own, and keep what they print in outputs/bench/.

python benchmarks/run.py                   all of them
python benchmarks/run.py preview control   some
python benchmarks/run.py --quick           those that have a short form, in it
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Path]:
    """Name and file of each benchmark."""
    return {path.stem: path for path in sorted(HERE.glob("*.py")) if path.name != Path(__file__).name}


def main() -> int:
    """Run them; return 1 if one failed."""
    there = benchmarks()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(there)}; all when none is given")
    parser.add_argument("--quick", action="store_true", help="short forms only")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(there))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(there)}")
    kept = HERE.parent / "outputs" / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in args.names or there:
        command = [sys.executable, str(there[name])]
        if args.quick:
            if '"--quick"' not in there[name].read_text():
                continue
            command.append("--quick")
        head = f"== {name}, on {platform.processor() or platform.machine()}, Python {platform.python_version()}"
        print(head, flush=True)
        start = time.perf_counter()
        lines = [head]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line.rstrip("\n"))
        if process.returncode:
            failed.append(name)
        print(f"   {time.perf_counter() - start:.1f} s\n")
        (kept / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(f"Failed: {', '.join(failed)}" if failed else f"Kept in {kept}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
