"""The guide to training at full size: its commands and configurations are real, and its costs are the estimate's."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from draganything_lab.cli.main import parser

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "full-size.md").read_text("utf-8")
NAMED = re.findall(r"`([\w-]+\.(?:yaml|sbatch))`[^`]*?```(?:yaml|bash)\n(.*?)```", GUIDE, re.S)


def commands() -> list[list[str]]:
    """The words of every command of ours in the guide, whatever launches it."""
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.S)).replace("\\\n", " ")
    found = [
        line.partition("draganything_lab.cli")[2] for line in blocks.splitlines() if "draganything_lab.cli" in line
    ]
    found += [line[len("draganything-lab ") :] for line in blocks.splitlines() if line.startswith("draganything-lab ")]
    return [shlex.split(words.rstrip("'")) for words in found]


def test_every_command_of_the_guide_is_one() -> None:
    said = commands()
    assert len(said) >= 15 and {words[0] for words in said} == {"clips", "train", "evaluate"}
    for words in said:
        parser(words[0]).parse_args(words)


def test_configurations_are_accelerates(tmp_path: Path) -> None:
    config_args = pytest.importorskip("accelerate.commands.config.config_args")
    files = {name: text for name, text in NAMED if name.endswith(".yaml")}
    assert set(files) == {"gpu-1.yaml", "gpu-8.yaml", "fsdp-8.yaml", "deepspeed-8.yaml", "gpu-64.yaml"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        read = config_args.load_config_from_file(str(tmp_path / name))
        assert read.num_processes == int(name.split("-")[1].split(".")[0]), name
        assert str(read.distributed_type).rpartition(".")[2] == {"fsdp": "FSDP", "deep": "DEEPSPEED"}.get(
            name[:4], "NO" if "-1." in name else "MULTI_GPU"
        )
        for used in re.findall(r"--config_file (\S+)", GUIDE):
            assert used in files
    (tmp_path / "wrong.yaml").write_text(files["gpu-1.yaml"] + "nonsense: 1\n")
    with pytest.raises(ValueError, match="nonsense"):  # so the parser does look
        config_args.load_config_from_file(str(tmp_path / "wrong.yaml"))


def test_the_options_of_fsdp_are_options(tmp_path: Path) -> None:
    launch = pytest.importorskip("accelerate.commands.launch")
    known = {name for action in launch.launch_command_parser()._actions for name in action.option_strings}
    for name, text in NAMED:
        if name.endswith(".yaml"):
            read = yaml.safe_load(text)
            inner = {**read.get("fsdp_config", {}), **read.get("deepspeed_config", {})}
            assert {f"--{key}" for key in inner} <= known, name


def test_the_job_is_a_shell_script(tmp_path: Path) -> None:
    (text,) = (text for name, text in NAMED if name == "train.sbatch")
    (tmp_path / "job").write_text(text)
    assert subprocess.run(["bash", "-n", str(tmp_path / "job")], check=False).returncode == 0
    assert "#SBATCH --nodes=8" in text and "num_machines: 8" in dict(NAMED)["gpu-64.yaml"]


@pytest.mark.slow
def test_the_costs_are_those_of_the_estimate() -> None:
    spec = importlib.util.spec_from_file_location("full_size_costs", ROOT / "tools" / "full_size_costs.py")
    assert spec and spec.loader
    costs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(costs)
    table = GUIDE.partition(costs.BEGIN)[2].partition(costs.END)[0]
    assert table.strip() == "".join(costs.rows()).strip(), "run: python tools/full_size_costs.py"
