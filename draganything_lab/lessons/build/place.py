"""Where the project is published: for badges and for what Colab installs. Change it only here."""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from pathlib import Path

from ... import __version__
from ...errors import LabError

REPOSITORY = os.environ.get("DRAGANYTHING_LAB_REPOSITORY", "draganything-lab/draganything-lab")
"""owner/name on GitHub."""
RELEASE = os.environ.get("DRAGANYTHING_LAB_RELEASE", f"v{__version__}")
"""The tag that badges open and Colab installs."""

COLAB_BRINGS = (
    "numpy",
    "opencv-python-headless",
    "pillow",
    "matplotlib",
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "accelerate",
    "safetensors",
    "huggingface-hub",
    "ipywidgets",
)
"""What Colab already has and we must not change; everything else is installed without its dependencies."""
COLAB_NEEDS_NO = ("jupyterlab", "voila")
"""What serves notebooks; Colab does that itself."""
COLAB_LACKS = (
    "mediapy>=1.2.2,<2",
    "imageio-ffmpeg>=0.6,<0.8",
    "ipycanvas>=0.13.3,<0.15",
    "segment-anything==1.0",
    "anywidget>=0.9.13,<1",
)
"""What is installed on Colab, and on Kaggle, which is built on Colab's image, with the versions of pyproject.toml."""
COLAB_LACKS_TOO = ("psygnal",)
"""What those need in turn and Colab may lack: anywidget depends on psygnal."""

BOOTSTRAP = """# On Google Colab and on Kaggle this cell installs the lab, and leaves their own torch and numpy alone.
# Elsewhere it does nothing. On Kaggle, first switch Settings, Internet on.
import os
import sys

kaggle = "KAGGLE_KERNEL_RUN_TYPE" in os.environ
colab = "google.colab" in sys.modules and not kaggle  # Kaggle is built on Colab's image
if colab or kaggle:
    import subprocess

    lab = "https://github.com/{repository}/archive/refs/tags/{release}.zip"
    wanted = [
        {lacks}, lab,
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *wanted], check=True)
if colab:
    from google.colab import output

    output.enable_custom_widget_manager()"""

STUDIO = """# Optional: the studio, to try with the mouse what this lesson takes apart. Everything below works \
without it.
from draganything_lab import Studio

Studio()"""
STUDIO_PICTURE = """*Below is a picture of the studio; the cell after it opens the real one when you run it. In a
notebook that was saved and opened again, the place below that cell is empty or says "Could not render content"
(VS Code): run the cell again.*

![The studio: objects dragged in a picture, settings beside it](data:image/png;base64,{data})"""


def bootstrap() -> str:
    """The first code cell of every notebook."""
    names = [f'"{name}"' for name in (*COLAB_LACKS, *COLAB_LACKS_TOO)]
    lacks = ",\n        ".join(", ".join(names[at : at + 3]) for at in range(0, len(names), 3))
    return BOOTSTRAP.format(repository=REPOSITORY, release=RELEASE, lacks=lacks)


@lru_cache(maxsize=4)
def studio_picture(project: Path) -> str:
    """Markdown of a sentence and the studio's picture, which lies in the text itself.

    A relative path leads nowhere where a notebook stands alone (Colab, Kaggle), and Colab does not show a cell's
    `attachments` (googlecolab/colabtools#3836). A `data:` address is what Colab itself writes for a picture.

    Raises:
        LabError: The project has no docs/images/studio.png.
    """
    path = project / "docs" / "images" / "studio.png"
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError:
        raise LabError(f"{path} cannot be read", fix="take the picture again: python tools/screenshot.py") from None
    return STUDIO_PICTURE.format(data=data)


def badges(name: str) -> str:
    """Markdown: open the notebook on Colab, Kaggle or Binder, and where it was tried."""
    file = f"notebooks/{name}.ipynb"
    shield = "https://img.shields.io/badge"
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{RELEASE}/{file}"
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/{RELEASE}?labpath={file.replace('/', '%2F')}"
    kaggle = f"https://kaggle.com/kernels/welcome?src=https://github.com/{REPOSITORY}/blob/{RELEASE}/{file}"
    tried = f"https://github.com/{REPOSITORY}/blob/{RELEASE}/docs/places.md"
    places = (
        ("Open in Colab", "E69F00", colab),
        ("Open on Kaggle", "009E73", kaggle),
        ("Open on Binder", "56B4E9", binder),
    )
    shields = [f"[![{words}]({shield}/{words.replace(' ', '_')}-{colour})]({link})" for words, colour, link in places]
    words = f"Colab was tried with its versions only, Kaggle and Binder not: [what was tried where]({tried})"
    return " ".join([*shields, words])
