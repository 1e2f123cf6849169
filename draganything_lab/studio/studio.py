"""`Studio()`: everything in one widget. The canvas and its tools on the left, making and looking on the right."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from ..errors import LabError

if TYPE_CHECKING:
    from ..media.picture import Source
    from ..scene.scene import Scene
    from .model.model import StudioModel

VIEWS = ("auto", "canvas", "form")
_open: dict[str, Studio] = {}


class Studio:
    """Click an object, drag it, generate a video, see where every pixel went; in a notebook cell.

    The state belongs to the kernel and has a name: running the cell again, or reloading the page, brings everything
    back. `studio.model` holds it, readable and drivable from code; `studio.scene` is the scene, `studio.results` are
    the videos.

    Args:
        picture: Anything that `load_picture` takes, or a `Scene`; None for what was open, at first Toyland's harbour.
        name: Name of the state; several studios in one notebook need different ones.
        fresh: Forget the state of that name.
        view: "canvas", "form" (lists and numbers, for keyboard and screen reader), or "auto": the canvas, and the form
            where the canvas does not answer.

    Attributes:
        model: The state and everything that can be done with it.
        widget: The ipywidgets widget; the object shows itself in a notebook, too.

    Raises:
        LabError: ipywidgets or ipycanvas is not installed, or the picture cannot be read.

    >>> Studio()  # doctest: +SKIP
    """

    def __init__(
        self, picture: Source | Scene | None = None, *, name: str = "studio", fresh: bool = False, view: str = "auto"
    ) -> None:
        if view not in VIEWS:
            raise LabError(f'there is no view "{view}"', fix=f"there are {', '.join(VIEWS)}")
        try:
            import ipywidgets  # noqa: F401
        except ImportError as error:
            raise LabError("ipywidgets is not installed", fix='pip install "draganything-lab[notebook]"') from error
        from .model.model import StudioModel

        allow_custom_widgets()
        self.model: StudioModel = StudioModel.named(name, fresh=fresh)
        if picture is not None:
            _open_in(self.model, picture)
        if name in _open:
            _open[name].close()
        _open[name] = self
        from .assembly import Assembly

        self._assembly = Assembly(self.model, view)
        self.widget = self._assembly.widget

    @property
    def scene(self) -> Scene:
        """The scene with its trajectories; a copy, which you may change."""
        return self.model.pictures.scene_to_save()

    @property
    def results(self) -> tuple[Any, ...]:
        """The videos made so far, oldest first; `.frames` is (T, H, W, 3) uint8."""
        return self.model.results.videos

    @property
    def view(self) -> str:
        """Which view is shown, "canvas" or "form"."""
        return self._assembly.view

    @view.setter
    def view(self, view: str) -> None:
        self._assembly.show(view)

    def close(self) -> None:
        """Stop following the model; the state stays."""
        self._assembly.close()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget)


def allow_custom_widgets() -> bool:
    """Switch on widgets from outside on Colab, which has them off; whether this is Colab."""
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:  # built on Colab's image, but its page is JupyterLab's
        return False
    if "google.colab" not in sys.modules:
        try:
            import google.colab  # noqa: F401
        except ImportError:
            return False
    from google.colab import output

    output.enable_custom_widget_manager()
    return True


def _open_in(model: StudioModel, picture: Source | Scene) -> None:
    from ..scene.scene import Scene

    strict, model.watchers.strict = model.watchers.strict, True  # in code, an unreadable picture is an error
    try:
        if isinstance(picture, Scene):
            model.pictures.open_scene(picture)
        else:
            model.pictures.open_picture(picture)
    finally:
        model.watchers.strict = strict
