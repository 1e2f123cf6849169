"""Video players side by side that stay on the same frame: one button, one slider, no network, no widget."""

from __future__ import annotations

import html
import itertools
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import LabError
from ..media.drawing import enlarged
from ..media.text import data_address
from ..media.video import checked_frames, encode_video

# Without scripts (an untrusted notebook) the videos loop by themselves. With them, one timer steps all to the same
# frame: players that run on their own start at different times and stay out of step.
STYLE = """
.dal-players{display:flex;flex-wrap:wrap;gap:12px;align-items:end;max-width:100%}
.dal-players figure{flex:1 1 220px;max-width:576px;margin:0}
.dal-players figcaption{font:600 14px system-ui,sans-serif;opacity:.8;margin:0 0 4px}
.dal-players video{width:100%;display:block;border-radius:6px;image-rendering:auto}
.dal-players .dal-bar{flex:1 0 100%;display:flex;align-items:center;gap:10px;font:14px system-ui,sans-serif}
.dal-players .dal-bar button{min-width:5em;padding:3px 10px;font:inherit}
.dal-players .dal-bar input{flex:1;max-width:576px}
.dal-players .dal-bar output{min-width:8em;opacity:.8;font-variant-numeric:tabular-nums}
"""
SCRIPT = """
(() => {
  const box = document.getElementById("%(id)s"), fps = %(fps)s, last = %(last)d;
  const videos = [...box.querySelectorAll("video")], button = box.querySelector("button");
  const slider = box.querySelector("input"), output = box.querySelector("output");
  let frame = 0, timer = null;
  const show = wanted => {
    frame = wanted;
    slider.value = frame;
    output.textContent = `frame ${frame} of ${last}`;
    for (const v of videos) v.currentTime = (Math.min(frame, Number(v.dataset.last)) + 0.5) / fps;
  };
  const step = () => { if (videos.every(v => v.readyState > 1 && !v.seeking)) show(frame < last ? frame + 1 : 0); };
  const play = on => {
    clearInterval(timer);
    timer = on ? setInterval(step, 1000 / fps) : null;
    button.textContent = on ? "Pause" : "Play";
  };
  for (const v of videos) { v.autoplay = false; v.loop = false; v.pause(); }
  button.addEventListener("click", () => play(timer === null));
  slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
  show(0);
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
})();
"""
_count = itertools.count()


class Players:
    """Clips side by side, each with its title, in step.

    Args:
        clips: {title: (T, H, W, 3) uint8 RGB in 0..255}; a shorter clip waits on its last frame.
        fps: Frames per second.

    Attributes:
        html: The players as HTML: a self-contained <div>, for a notebook or a page.

    Raises:
        LabError: There are no clips, or one of them is not a clip.
    """

    def __init__(self, clips: Mapping[str, np.ndarray | Sequence[np.ndarray]], fps: float = 8) -> None:
        if not clips:
            raise LabError("there are no clips to show", fix="pass {title: frames}")
        checked = {title: checked_frames(frames) for title, frames in clips.items()}
        figures = []
        for title, frames in checked.items():
            address = data_address(encode_video(enlarged(frames), fps), "video/mp4")
            figures.append(
                f"<figure><figcaption>{html.escape(title)}</figcaption>"
                f'<video autoplay loop muted playsinline data-last="{len(frames) - 1}" '
                f'src="{address}"></video></figure>'
            )
        body, last = "".join(figures), max(map(len, checked.values())) - 1
        # A notebook may still show players of an earlier kernel: the content keeps the name different from theirs.
        name = f"dal-players-{zlib.crc32(body.encode()):08x}-{next(_count)}"
        bar = (
            f'<div class="dal-bar"><button type="button">Pause</button><input type="range" min="0" max="{last}" '
            f'value="0" aria-label="frame"><output>frame 0 of {last}</output></div>'
        )
        script = SCRIPT % {"id": name, "fps": repr(float(fps)), "last": last}
        self.html = (
            f'<div class="dal-players" id="{name}"><style>{STYLE}</style>{body}{bar}</div><script>{script}</script>'
        )

    def _repr_html_(self) -> str:
        return self.html
