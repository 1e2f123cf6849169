"""Make this folder from the full recordings: python tests/recordings/pack.py FOLDER

FOLDER holds `fixtures/` and the keys of both networks, as the authors' code was recorded; see README.md.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from helpers.recordings import kept_places, summary  # noqa: E402


def parts_of(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays of which a part is kept, and a word about each."""
    told = {name: {"shape": array.shape, "summary": summary(array)} for name, array in arrays.items()}
    kept = {name: array.ravel()[kept_places(name, array.size)] for name, array in arrays.items()}
    return {**kept, "parts": np.array(json.dumps(told))}


def rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A map (..., C) as labels (...) uint8 and the rows (N, C) that they name."""
    found, labels = np.unique(table.reshape(-1, table.shape[-1]), axis=0, return_inverse=True)
    return labels.reshape(table.shape[:-1]).astype(np.uint8), found


def networks(source: Path) -> None:
    """Inputs and outputs of both networks, for one video and for two."""
    given, made, unet = {}, {}, {}
    for batch in (1, 2):
        inputs = np.load(source / "01_controlnet" / f"inputs_b{batch}.npz")
        given[f"context{batch}"] = inputs["encoder_hidden_states"]
        given[f"table{batch}"] = inputs["ids_table"]
        for name, key in (("image", "controlnet_cond"), ("labels", "ids_labels")):
            given[f"{name}{batch}"] = inputs[key].astype(np.uint8)
            assert np.array_equal(given[f"{name}{batch}"], inputs[key])
        outputs = np.load(source / "01_controlnet" / f"outputs_modern_b{batch}.npz")
        made |= {f"{name}.{batch}": outputs[name] for name in outputs.files}
        unet[f"sample{batch}"] = np.load(source / "02_unet" / f"outputs_modern_b{batch}.npz")["sample"]
    once = np.load(source / "02_unet" / "outputs_b1.npz")
    unet |= {"zero": once["sample_zero_residuals"], "once": once["sample_residuals_added_once"]}
    np.savez_compressed(HERE / "controlnet.npz", **given, **parts_of(made))
    np.savez_compressed(HERE / "unet.npz", **parts_of(unet))


def pipeline(source: Path) -> None:
    """Inputs and outputs of the whole pipeline."""
    inputs, outputs = (np.load(source / f"{name}.npz") for name in ("inputs", "outputs_modern"))
    labels, table = rows(inputs["ids_vector_variant"].transpose(0, 2, 3, 1))
    numbers, scalars = np.unique(inputs["ids_scalar"], return_inverse=True)
    given = {"grey": inputs["condition_images_gray"], "labels": labels, "table": table, "numbers": numbers}
    given["number_labels"] = scalars.reshape(inputs["ids_scalar"].shape).astype(np.uint8)
    made = {name: outputs[name] for name in ("latents", "latents_vector_ids", "frames_np", "frames_np_decode_chunk_2")}
    np.savez_compressed(HERE / "pipeline.npz", **given, **parts_of(made))
    shutil.copyfile(source / "image.png", HERE / "picture.png")


def condition(source: Path) -> None:
    """A demo folder, and the control signal that was made of it."""
    (HERE / "condition").mkdir(exist_ok=True)
    for name in ("demo.json", "first_frame.png", "mask_0.png", "mask_1.png"):
        shutil.copyfile(source / name, HERE / "condition" / name)
    inputs, outputs = np.load(source / "inputs.npz"), np.load(source / "outputs.npz")
    kept = {name: inputs[name] for name in ("target_size", "original_size", "frame_number")}
    kept["features"] = inputs["features"][:32].astype(np.float16)
    kept |= {name: outputs[name] for name in ("images_gray", "object_vectors", "mask_latent", "radius")}
    kept["labels"], kept["table"] = rows(outputs["ids_vector_variant"])
    kept["number_labels"], numbers = rows(outputs["ids_scalar"][..., None])
    np.savez_compressed(HERE / "condition.npz", **kept, numbers=numbers[:, 0])


def main(folder: Path) -> None:
    """Write everything."""
    source = folder / "fixtures"
    networks(source)
    pipeline(source / "03_pipeline")
    condition(source / "04_condition" / "base")
    for net in ("controlnet", "unet"):
        told = json.loads((folder / f"{net}_keys.json").read_text())
        kept = {key: told[key] for key in ("config", "keys", "total_parameters")}
        (HERE / f"{net}_keys.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode(), mtime=0))
    configs = json.loads((source / "03_pipeline" / "configs.json").read_text())
    for place, net in (("01_controlnet", "controlnet"), ("02_unet", "unet")):
        configs[net] = json.loads((source / place / "config.json").read_text())
    configs["seeds"] = {"controlnet": 1, "unet": 2, "vae": 3, "image_encoder": 4}
    (HERE / "networks.json").write_text(json.dumps(configs, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
