"""Where the project is published: for badges and for what Colab installs. Change it only here."""

from __future__ import annotations

import os

from ... import __version__

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
"""What is installed on Colab, with the versions of pyproject.toml."""
COLAB_LACKS_TOO = ("psygnal",)
"""What those need in turn and Colab may lack: anywidget depends on psygnal."""

BOOTSTRAP = """# On Google Colab this cell installs the lab, and leaves Colab's own torch and numpy alone.
# Elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    from google.colab import output

    lab = "https://github.com/{repository}/archive/refs/tags/{release}.zip"
    wanted = [
        {lacks}, lab,
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *wanted], check=True)
    output.enable_custom_widget_manager()"""

STUDIO = """# Optional: the studio, to try with the mouse what this lesson takes apart. Everything below works \
without it.
from draganything_lab import Studio

Studio()"""
STUDIO_PICTURE = """![The studio: objects dragged in a picture, settings beside it](../docs/images/studio.png)

*This is a picture of the studio; the cell below opens the real one when you run it. In a notebook that was saved and
opened again, the place below it is empty or says "Could not render content" (VS Code): run the cell again.*"""


def bootstrap() -> str:
    """The first code cell of every notebook."""
    names = [f'"{name}"' for name in (*COLAB_LACKS, *COLAB_LACKS_TOO)]
    lacks = ",\n        ".join(", ".join(names[at : at + 3]) for at in range(0, len(names), 3))
    return BOOTSTRAP.format(repository=REPOSITORY, release=RELEASE, lacks=lacks)


def badges(name: str) -> str:
    """Markdown: open the notebook on Colab or on Binder, and where it was tried."""
    file = f"notebooks/{name}.ipynb"
    shield = "https://img.shields.io/badge"
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{RELEASE}/{file}"
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/{RELEASE}?labpath={file.replace('/', '%2F')}"
    tried = f"https://github.com/{REPOSITORY}/blob/{RELEASE}/docs/places.md"
    shields = [
        f"[![{words}]({shield}/{words.replace(' ', '_')}-{colour})]({link})"
        for words, colour, link in (("Open in Colab", "E69F00", colab), ("Open on Binder", "56B4E9", binder))
    ]
    return " ".join([*shields, f"[what was tried where]({tried})"])
