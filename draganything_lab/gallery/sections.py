"""Which drags stand in which section: everything here follows from a rule, nothing from a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from ..control.representations import REPRESENTATIONS
from ..errors import LabError
from ..pipeline.load import RELEASED
from ..scene.scene import Scene
from ..segment import Segmenter, load_segmenter
from ..toyland import named_scene
from .cases import Case, clicked, drawn, own_cases, straight, toyland_cases
from .contest import PIXELS
from .settings import Extent, Settings
from .work import Job

AGAINST = 4  # scenes beside each other in section 2
FAR, SHIFT, ZOOM = 0.12, 0.2, 1.35  # margin of a far drag; a pan, of the picture's width; a zoom
PHOTOGRAPH = "coffee.png"  # scikit-image's, CC0; not among those that any weights were trained on


@dataclass(frozen=True, eq=False)
class Bad:
    """A bad case: what goes wrong, why, and the drags that show it."""

    title: str
    why: str
    jobs: tuple[Job, ...]
    measure: str


@dataclass(frozen=True, eq=False)
class Sections:
    """The rows of every section, in their order; an empty section says why in `absent`.

    Attributes:
        first: Clicking and dragging.
        strip: The scenes that came next.
        against: (case, jobs) of the comparison with pixel dragging.
        uses: (name of the use, jobs).
        kinds: One job per representation, on one scene.
        pixel: One job per representation: a single pixel of an object is dragged.
        bad: The bad cases.
        absent: Section number -> why it is not there.
    """

    first: tuple[Job, ...]
    strip: tuple[Job, ...]
    against: tuple[tuple[Job, ...], ...]
    uses: tuple[tuple[str, tuple[Job, ...]], ...]
    kinds: tuple[Job, ...]
    pixel: tuple[Job, ...]
    bad: tuple[Bad, ...]
    absent: dict[int, str]

    @property
    def jobs(self) -> list[Job]:
        """Every job, in the order of the page."""
        every = [*self.first, *self.strip, *(job for row in self.against for job in row)]
        every += [job for _, row in self.uses for job in row]
        return [*every, *self.kinds, *self.pixel, *(job for bad in self.bad for job in bad.jobs)]


def plan(settings: Settings, extent: Extent) -> Sections:
    """Choose the scenes and list what has to be made.

    Raises:
        LabError: There is no scene, or none that can be used.
    """
    segmenter = load_segmenter("auto")
    if settings.scenes is None:
        cases = toyland_cases(settings.rows, extent.drawn, extent.frames, _for_drawings())
    else:
        cases = own_cases(settings.scenes, settings.rows, extent.frames)
    usable = [case for case in cases if not case.problem]
    if not usable:
        raise LabError(
            f"none of the {len(cases)} scenes in {settings.scenes} can be used ({cases[0].title}: {cases[0].problem})"
        )
    main, there = extent.main, extent.representations
    absent = {}
    pair = tuple(name for name in (PIXELS, RELEASED, "carry") if name in there)
    if PIXELS not in there:
        absent[2] = f"These weights have no embedding for pixel dragging: they come for {', '.join(there)} only."
    few = 2 if settings.rows >= 2 else 1
    singles = sorted(usable, key=lambda case: len(case.scene.controlled))[:few]
    middle = next((case for case in usable if len(_dragged(case.scene)) >= 2), usable[0])
    kinds = tuple(Job(middle, name) for name in REPRESENTATIONS if name in there)
    against = tuple(tuple(Job(case, name) for name in pair) for case in usable[: min(AGAINST, settings.rows)])
    return Sections(
        first=tuple(Job(case, main) for case in cases[: settings.rows]),
        strip=tuple(Job(case, main) for case in cases[settings.rows :]),
        against=against if PIXELS in there else (),
        uses=tuple(_uses(singles, main, _for_drawings())),
        kinds=kinds,
        pixel=tuple(Job(_pixel_case(settings, extent, usable), name) for name in pair or (main,)),
        bad=tuple(_bad(settings, extent, usable, segmenter)),
        absent=absent,
    )


@lru_cache(maxsize=1)
def _for_drawings() -> Segmenter:
    """Our small SAM, which was trained on such scenes; what else is there, where its weights or PyTorch are not."""
    try:
        return load_segmenter("toy")
    except LabError:
        return load_segmenter("auto")


def _dragged(scene: Scene) -> list[str]:
    """Names of the objects that have a path, and are not pinned."""
    return [e.name for e in scene.controlled if e.kind == "foreground" and not e.pinned]


def _uses(cases: Sequence[Case], main: str, segmenter: Segmenter) -> list[tuple[str, tuple[Job, ...]]]:
    """The paper's four uses, and the camera's zoom, of the same pictures."""
    found: dict[str, list[Job]] = {}
    for case in cases:
        names = _dragged(case.scene)
        if not names:
            continue
        for title, change in {
            "Foreground": None,
            "Background": _background,
            "Both": _both,
            "Camera, pan": _pan,
            "Camera, zoom": _zoom,
        }.items():
            if change is None:
                found.setdefault(title, []).append(Job(case, main))
                continue
            key, name = f"{case.key}-{title.lower().replace(', ', '-')}", f"{case.title}: {title.lower()}"
            truth = change(case.truth, names)
            if case.clip is not None:  # then the truth has exact masks, and every object is clicked anew
                other = drawn(key, name, case.clip, segmenter, truth)
            else:
                other = replace(case, key=key, title=name, scene=truth, truth=truth, clicks=_clicks(truth))
            found.setdefault(title, []).append(Job(other, main))
    return [(title, tuple(jobs)) for title, jobs in found.items()]


def _freed(scene: Scene, keep: Sequence[str]) -> Scene:
    """The same picture; only the objects to keep are dragged, and backgrounds and cameras are gone."""
    left = [entity for entity in scene.entities if entity.kind == "foreground"]
    return Scene(
        scene.image,
        [entity if entity.name in keep else replace(entity, trajectory=None, pinned=False) for entity in left],
    )


def _push(scene: Scene) -> list[tuple[float, float]]:
    height, width = scene.size
    return [(width / 2, height / 2), (width / 2 - SHIFT * width, height / 2)]


def _background(scene: Scene, names: Sequence[str]) -> Scene:
    out = _freed(scene, ())
    out.drag_background(_push(scene))
    return out


def _both(scene: Scene, names: Sequence[str]) -> Scene:
    out = _freed(scene, names)
    out.drag_background(_push(scene))
    return out


def _pan(scene: Scene, names: Sequence[str]) -> Scene:
    out = _freed(scene, ())
    out.drag_camera(pan=(-SHIFT * scene.size[1], 0.0))
    return out


def _zoom(scene: Scene, names: Sequence[str]) -> Scene:
    out = _freed(scene, ())
    out.drag_camera(zoom=ZOOM)
    return out


def _clicks(scene: Scene) -> np.ndarray:
    none = (np.nan, np.nan)
    return np.array([e.path(1)[0] if e.kind == "foreground" else none for e in scene.controlled]).reshape(-1, 2)


def _pixel_case(settings: Settings, extent: Extent, usable: Sequence[Case]) -> Case:
    """One object, dragged by the leftmost pixel of its widest row: of the harbour's cloud, or of the first scene."""
    if settings.scenes is None:
        truth, name = named_scene("harbour", extent.drawn, extent.frames).scene(), "cloud"
    else:
        truth = usable[0].truth
        name = (_dragged(truth) or [truth.controlled[0].name])[0]
    path = truth[name].path(extent.frames)
    goal = path[-1] - path[0]
    mask = truth[name].mask
    row = int(mask.sum(axis=1).argmax())
    start = (float(np.flatnonzero(mask[row])[0]), float(row))
    scene = _freed(truth, [name])
    scene.update(name, trajectory=[start, (start[0] + float(goal[0]), start[1] + float(goal[1]))], pinned=False)
    title = f"One pixel at the left end of the {name}"
    return Case("pixel", title, scene, scene, None, np.array([start]), "exact" if settings.scenes is None else "saved")


def _bad(settings: Settings, extent: Extent, usable: Sequence[Case], segmenter: Segmenter) -> list[Bad]:
    main, pair = extent.main, [name for name in (RELEASED, "carry") if name in extent.representations]
    found = []
    far = _far(usable[0])
    if far is not None:
        found.append(
            Bad(
                "Large motion",
                "The object of the first scene goes straight across the picture. Weights trained on shorter paths have "
                "seen few such drags, and what it uncovers is far from where it ends.",
                (Job(far, main), *(Job(far, name) for name in pair if name != main)),
                "error",
            )
        )
    if settings.scenes is None:
        for name in ("twins", "crossing"):
            clip = named_scene(name, extent.drawn, extent.frames)
            title = {"twins": "Twins swap places", "crossing": "A car passes in front of a bus"}[name]
            case = drawn(f"crossing-{name}", title, clip, _for_drawings())
            why = {
                "twins": "Two objects that look alike swap places. A vector says what is dragged, not which of two.",
                "crossing": "Two paths cross, and the scene's order says who is in front. Discs overlap, and what is "
                "behind has to come out again as it was.",
            }[name]
            found.append(
                Bad(
                    f"Crossings: {title[0].lower()}{title[1:]}",
                    why,
                    tuple(Job(case, kind) for kind in pair or [main]),
                    "likeness",
                )
            )
    opened = max(usable[: settings.rows], key=lambda case: _uncovered(case, extent.frames))
    found.append(
        Bad(
            "What comes to light",
            "Where an object leaves, something must appear that the picture does not show. Nobody knows it; a model "
            "invents it, and a small one invents it blurry. This is the scene of section 1 that uncovers most.",
            (Job(opened, main),),
            "left",
        )
    )
    if settings.scenes is None:
        clip = named_scene("meadow", extent.drawn, extent.frames)
        scene = straight(clip.scene(), "butterfly", (0.6 * extent.drawn[1], 0.25 * extent.drawn[0]), alone=True)
        why = (
            "A butterfly is pushed like a sticker. One path per object says nothing of legs and wings; the paper's own "
            "pictures show it for people, too."
        )
        case = drawn("wings", "Legs and wings: a butterfly", clip, _for_drawings(), scene)
        found.append(Bad("Legs and wings", why, (Job(case, main),), "rigidity"))
        photograph = _photograph(extent, segmenter)
        if photograph is not None:
            why = (
                "A cup, clicked and dragged. The small networks have seen drawings and few photographs; what their VAE "
                "cannot rebuild, they cannot move. A representation that carries the picture's own pixels suffers less."
            )
            found.append(Bad("A photograph", why, tuple(Job(photograph, kind) for kind in pair or [main]), "familiar"))
    return found


def _far(case: Case) -> Case | None:
    """The case's first object, dragged straight to the side that is farther away."""
    names = _dragged(case.scene)
    if not names:
        return None
    width = case.scene.size[1]
    x, y = case.scene[names[0]].path(1)[0]
    goal = ((1 - FAR) * width if x < width / 2 else FAR * width, float(y))
    scene, truth = (straight(_freed(scene, names[:1]), names[0], goal) for scene in (case.scene, case.truth))
    return replace(case, key="far", title=f"The {names[0]}, across the picture", scene=scene, truth=truth, clip=None,
                   clicks=_clicks(scene))  # fmt: skip


def _uncovered(case: Case, num_frames: int) -> float:
    """Share of the picture that dragged objects leave by the last frame."""
    masks = [case.truth[name].mask for name in _dragged(case.truth)]
    if not masks:
        return 0.0
    paths = [case.truth[name].path(num_frames) for name in _dragged(case.truth)]
    there = np.zeros(case.truth.size, bool)
    for mask, path in zip(masks, paths, strict=True):
        step = path[-1] - path[0]
        shift = np.array([[1, 0, step[0]], [0, 1, step[1]]], np.float32)
        there |= cv2.warpAffine(mask.astype(np.uint8), shift, mask.shape[::-1]) > 0
    return float((np.any(masks, axis=0) & ~there).mean())


def _photograph(extent: Extent, segmenter: Segmenter) -> Case | None:
    """A photograph of a cup; None where scikit-image, which brings it, is not installed."""
    from ..training.sam.photos import photo

    try:
        picture = photo(PHOTOGRAPH)
    except LabError:
        return None
    height, width = extent.drawn
    whole = cv2.resize(
        picture, (round(picture.shape[1] * height / picture.shape[0]), height), interpolation=cv2.INTER_AREA
    )
    left = (whole.shape[1] - width) // 2
    image = np.ascontiguousarray(whole[:, max(0, left) : max(0, left) + width])
    segmenter.set_picture(image)
    click = (0.48 * image.shape[1], 0.52 * image.shape[0])
    scene = Scene(image)
    try:
        mask = segmenter.predict([click]).best
        scene.add("cup", mask, [click, (click[0] + SHIFT * width, click[1])])
    except LabError:
        return None
    given, clicks, _ = clicked(scene, segmenter)
    return Case("photograph", "A photograph: a cup of coffee", given, given, None, clicks, _cutter(segmenter))


def _cutter(segmenter: Segmenter) -> str:
    if segmenter.backend == "grabcut":
        return "GrabCut: on photographs better than our small SAM"
    return segmenter.backend
