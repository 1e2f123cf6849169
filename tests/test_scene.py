"""Scenes: editing keeps them valid, undo takes everything back without copying pictures, the paper's four uses."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from draganything_lab.errors import LabError
from draganything_lab.scene import MAX_ENTITIES, Entity, Scene, Trajectory
from draganything_lab.scene.drags import voronoi_cells
from draganything_lab.scene.masks import inscribed_circle, resized_mask

SIZE = (48, 64)


def block(left: int, top: int, right: int, bottom: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def scene() -> Scene:
    """A boat that moves, a cloud of which nothing is asked, a pier that is pinned."""
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    made = Scene(image, settings={"model": "toy", "seed": 3})
    made.add("boat", block(4, 24, 20, 36), [(12, 30), (50, 30)])
    made.add("cloud", block(30, 2, 50, 12))
    made.add("pier", block(50, 30, 60, 46), pinned=True)
    return made


# What is there


def test_a_scene_says_what_it_holds(scene: Scene) -> None:
    assert scene.size == SIZE and [e.name for e in scene] == ["boat", "cloud", "pier"]
    assert [e.name for e in scene.controlled] == ["boat", "pier"]
    assert scene["boat"] is scene[0] and "boat" in scene and "bot" not in scene
    paths = scene.paths(5)
    assert paths.shape == (5, 2, 2) and paths.dtype == np.float32
    np.testing.assert_array_equal(paths[:, 0, 0], [12, 21.5, 31, 40.5, 50])
    assert (paths[:, 1] == scene["pier"].centre).all()
    assert [entity.summary for entity in scene] == ["moves 38 px, 2 points", "free", "pinned"]
    assert scene.update("cloud", trajectory=[(1, 1)]).summary == "holds still"
    scene.update("cloud", trajectory=None)
    with pytest.raises(LabError, match=r'"cloud" has no path; give it a trajectory'):
        scene["cloud"].path(5)
    assert "64x48, 3 entities" in repr(scene) and "uncontrolled" in repr(scene) and "pinned" in repr(scene)


def test_no_entities_and_a_picture_of_one_pixel() -> None:
    empty = Scene(np.zeros((1, 1, 3), np.uint8))
    assert empty.paths(7).shape == (7, 0, 2) and empty.entities == () and not empty.can_undo and not empty.undo()
    dot = empty.add("dot", np.ones((1, 1), bool), [(0, 0)])
    assert dot.centre == (0, 0) and dot.radius > 0 and dot.box == (0, 0, 1, 1)
    assert empty.resized((5, 3))["dot"].mask.all()
    with pytest.raises(LabError, match="num_frames"):
        Scene(np.zeros((2, 2, 3), np.uint8)).paths(0)


def test_pixels_are_read_only_and_not_those_of_the_caller(scene: Scene) -> None:
    mask, image = block(0, 0, 9, 9), np.zeros((*SIZE, 3), np.uint8)
    other = Scene(image)
    entity = other.add("a", mask)
    mask[:], image[:] = False, 255
    assert entity.area == 81 and other.image.max() == 0
    for array in (entity.mask, other.image):
        with pytest.raises(ValueError):
            array[0, 0] = 1
    with pytest.raises(AttributeError):
        entity.name = "b"  # type: ignore[misc]


def test_the_largest_circle_inside_a_mask() -> None:
    yy, xx = np.mgrid[:60, :80]
    (x, y), radius = inscribed_circle((xx - 50) ** 2 + (yy - 20) ** 2 <= 15.2**2)
    assert abs(x - 50) <= 1 and abs(y - 20) <= 1 and abs(radius - 15.7) < 0.7
    # A mask that fills the picture: the picture's border counts as outside.
    (x, y), radius = inscribed_circle(np.ones((41, 81), bool))
    assert y == 20 and abs(radius - 21) < 0.3
    # Away from the border it is what OpenCV says of the whole mask.
    mask = block(20, 10, 35, 40)
    assert inscribed_circle(mask)[1] == cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).max()


def test_box_and_area() -> None:
    entity = Entity("a", block(3, 5, 10, 9))
    assert entity.box == (3, 5, 10, 9) and entity.area == 28 and entity.size == SIZE


def test_equal_by_value_and_copied_without_copying_pixels(scene: Scene) -> None:
    twin = Scene(
        scene.image.copy(),
        [Entity(e.name, e.mask.copy(), e.trajectory, e.kind, e.pinned) for e in scene],
        scene.settings,
    )
    assert twin == scene and hash(twin["boat"]) == hash(scene["boat"])
    for other in (scene.copy(), copy.deepcopy(scene), pickle.loads(pickle.dumps(scene))):
        assert other == scene and not other.can_undo
        assert not other.image.flags.writeable and not other["boat"].mask.flags.writeable
    assert scene.copy().image is scene.image and scene.copy()["boat"].mask is scene["boat"].mask
    twin.settings["seed"] = 4
    assert twin != scene and scene != "scene"
    other = scene.copy()
    other.remove("boat")
    other.settings["new"] = 1
    assert "boat" in scene and "new" not in scene.settings


# Editing


def test_update_rename_pin_remove_reorder_clear(scene: Scene) -> None:
    assert scene.update("cloud", trajectory=[(1, 1), (2, 2)], kind="background").controlled
    assert scene.rename(1, " fog ").name == "fog" and "cloud" not in scene
    assert scene.pin("boat").pinned and (scene["boat"].path(4) == scene["boat"].centre).all()
    assert scene.pin("boat", False).path(4)[-1].tolist() == [50, 30]  # its trajectory was kept
    scene.reorder("boat", 2)
    assert [e.name for e in scene] == ["fog", "pier", "boat"]
    assert scene.remove(0).name == "fog" and len(scene.entities) == 2
    scene.update("boat", trajectory=None)
    assert not scene["boat"].controlled
    scene.clear()
    assert scene.entities == ()


BAD_EDITS: list[tuple[str, Any, str]] = [
    ("name taken", lambda s: s.add("boat", block(0, 0, 4, 4)), r'entity 4 \("boat"\): the name is taken by entity 1'),
    ("name taken by renaming", lambda s: s.rename("pier", "boat"), "taken"),
    ("no name", lambda s: s.add("  ", block(0, 0, 4, 4)), "name"),
    ("name with a line break", lambda s: s.add("a\nb", block(0, 0, 4, 4)), "printable"),
    ("name of another type", lambda s: s.add(7, block(0, 0, 4, 4)), "text"),
    ("long name", lambda s: s.add("x" * 81, block(0, 0, 4, 4)), "80"),
    ("empty mask", lambda s: s.add("a", np.zeros(SIZE, bool)), r'entity 4 \("a"\): mask is empty'),
    ("mask of another size", lambda s: s.add("a", np.ones((9, 5), bool)), "5x9 but the picture is 64x48"),
    ("mask of another size by update", lambda s: s.update(0, mask=np.ones((9, 5), bool)), "5x9 but the picture is"),
    ("mask that is none", lambda s: s.add("a", 3.5), "float"),
    ("NaN point", lambda s: s.add("a", block(0, 0, 4, 4), [(1, np.nan)]), r'entity 4 \("a"\): trajectory: point 0'),
    ("no points", lambda s: s.update("boat", trajectory=[]), "no points"),
    ("far outside", lambda s: s.update("boat", trajectory=[(1, 3), (812, 40)]), r"\(812, 40\) far outside the 64x48"),
    ("unknown kind", lambda s: s.add("a", block(0, 0, 4, 4), kind="middle"), "foreground, background, camera"),
    ("pinned by a word", lambda s: s.update("boat", pinned="yes"), "pinned"),
    ("unknown field", lambda s: s.update("boat", colour="red"), "colour"),
    ("unknown name", lambda s: s.remove("bot"), 'no entity \'bot\'; .* "boat", "cloud", "pier" .by position 0 to 2'),
    ("unknown place", lambda s: s[3], "no entity 3"),
    ("negative place", lambda s: s[-1], "no entity -1"),
    ("place of another type", lambda s: s[1.0], "float"),
    ("place that is a truth", lambda s: s[True], "bool"),
    ("order out of range", lambda s: s.reorder("boat", 3), "outside 0 to 2"),
    ("order of another type", lambda s: s.reorder("boat", "first"), "outside"),
    ("zoom of nothing", lambda s: s.drag_camera(zoom=0), "zoom"),
    ("pan of three", lambda s: s.drag_camera(pan=(1, 2, 3)), "pan"),
    ("pan to nowhere", lambda s: s.drag_camera(pan=(float("nan"), 0)), "pan"),
    ("no anchors", lambda s: s.drag_camera(anchors=0), "anchors"),
    ("dragging what is not there", lambda s: s.drag_foreground("bot", [(1, 1)]), "no entity"),
    ("dragging an empty mask", lambda s: s.drag_foreground(np.zeros(SIZE, bool), [(1, 1)]), "mask is empty"),
    ("half a drag", lambda s: s.drag_both("boat", [(1, 1)], [(np.inf, 0)]), "finite"),
    ("size of nothing", lambda s: s.resized((0, 5)), "size"),
    ("size of 20,000", lambda s: s.resized((20_000, 20_000)), "8192"),
]


def undo_steps(scene: Scene) -> int:
    """How many steps can be taken back; the scene stays as it is."""
    steps = 0
    while scene.undo():
        steps += 1
    for _ in range(steps):
        scene.redo()
    return steps


@pytest.mark.parametrize(
    ("edit", "word"), [(edit, word) for _, edit, word in BAD_EDITS], ids=[name for name, _, _ in BAD_EDITS]
)
def test_a_bad_edit_is_refused_by_name_and_changes_nothing(scene: Scene, edit: Any, word: str) -> None:
    before, undo = scene.copy(), undo_steps(scene)
    with pytest.raises(LabError, match=word):
        edit(scene)
    assert scene == before and undo_steps(scene) == undo


def test_bad_scenes_are_refused() -> None:
    image = np.zeros((*SIZE, 3), np.uint8)
    entity = Entity("a", block(0, 0, 3, 3))
    with pytest.raises(LabError, match="taken"):
        Scene(image, [entity, entity])
    with pytest.raises(LabError, match="is a str"):
        Scene(image, ["boat"])  # type: ignore[list-item]
    with pytest.raises(LabError, match="is 64x48 but the picture is 4x4"):
        Scene(np.zeros((4, 4, 3), np.uint8), [entity])
    with pytest.raises(LabError, match="JSON"):
        Scene(image, settings={"loss": float("nan")})
    with pytest.raises(LabError, match="dict"):
        Scene(image, settings=[1])  # type: ignore[arg-type]
    with pytest.raises(LabError, match="empty"):
        Scene(np.zeros((0, 0, 3), np.uint8))


def test_no_more_entities_than_a_byte_can_label() -> None:
    mask = Entity("m", np.ones((4, 4), bool)).mask
    scene = Scene(np.zeros((4, 4, 3), np.uint8), [Entity(str(n), mask) for n in range(MAX_ENTITIES)])
    with pytest.raises(LabError, match="256 entities are over the limit of 255"):
        scene.add("one more", mask)


# Undo


def test_undo_and_redo_go_through_every_step(scene: Scene) -> None:
    states = [scene.entities]
    for edit in (
        lambda: scene.update("boat", trajectory=[(1, 1)]),
        lambda: scene.reorder(0, 1),
        lambda: scene.drag_both("boat", [(2, 2), (9, 9)], [(0, 0), (5, 0)]),
        lambda: scene.drag_camera(zoom=1.5),
        lambda: scene.clear(),
    ):
        edit()
        states.append(scene.entities)
    for state in states[-2::-1]:
        assert scene.undo() and scene.entities == state
    for state in states[1:]:
        assert scene.redo() and scene.entities == state
    assert not scene.can_redo and not scene.redo()
    scene.undo()
    scene.add("new", block(0, 0, 4, 4))
    assert not scene.can_redo  # a new change forgets what was taken back


def test_replacing_all_entities_is_one_step(scene: Scene) -> None:
    before = scene.entities
    scene.replace_entities([scene["pier"], Entity("new", block(0, 0, 4, 4))])
    assert [entity.name for entity in scene] == ["pier", "new"] and scene.undo() and scene.entities == before
    with pytest.raises(LabError, match="pier"):
        scene.replace_entities([scene["pier"], scene["pier"]])
    with pytest.raises(LabError):
        scene.replace_entities([Entity("small", np.ones((2, 2), bool))])
    assert scene.entities == before and scene.can_redo, "what is refused changes nothing"


def test_what_was_taken_back_can_be_forgotten(scene: Scene) -> None:
    scene.undo()
    here = scene.entities
    scene.forget_redo()
    assert not scene.can_redo and not scene.redo() and scene.entities == here
    assert scene.undo() and scene.redo() and scene.entities == here, "undo goes on"


def test_an_edit_that_changes_nothing_is_no_step(scene: Scene) -> None:
    steps = undo_steps(scene)
    scene.update("boat", trajectory=[(12, 30), (50, 30)])
    scene.reorder(0, 0)
    scene.pin("pier")
    assert undo_steps(scene) == steps


def test_undo_copies_no_pictures() -> None:
    scene = Scene(np.zeros((1000, 1000, 3), np.uint8))
    mask = block(10, 10, 500, 500, (1000, 1000))
    tracemalloc.start()
    scene.add("thing", mask, [(1, 1)])
    for step in range(150):
        scene.update("thing", trajectory=[(1, 1), (step, 5)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000  # one mask is 1,000,000 bytes, the picture 3,000,000
    assert undo_steps(scene) == 151


class Edits(RuleBasedStateMachine):
    """Any order of edits keeps a scene valid, and undoing them all leads back to the start."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(np.zeros((*SIZE, 3), np.uint8))
        self.trail: list[tuple[Entity, ...]] = [self.scene.entities]

    def note(self) -> None:
        if self.scene.entities != self.trail[-1]:
            self.trail.append(self.scene.entities)

    @rule(
        left=st.integers(0, 60),
        top=st.integers(0, 44),
        points=st.lists(st.tuples(st.integers(-64, 128), st.integers(-48, 96)), max_size=3),
    )
    def add(self, left: int, top: int, points: list[tuple[int, int]]) -> None:
        name = f"thing {len(self.trail)} {left} {top}"
        if name not in self.scene:
            self.scene.add(name, block(left, top, left + 4, top + 4), points or None)
        self.note()

    @precondition(lambda self: self.scene.entities)
    @rule(data=st.data(), point=st.tuples(st.integers(0, 63), st.integers(0, 47)))
    def change(self, data: st.DataObject, point: tuple[int, int]) -> None:
        which = data.draw(st.integers(0, len(self.scene.entities) - 1))
        what = data.draw(st.sampled_from(["pin", "unpin", "remove", "reorder", "drag", "path"]))
        if what == "pin":
            self.scene.pin(which)
        elif what == "unpin":
            self.scene.pin(which, False)
        elif what == "remove":
            self.scene.remove(which)
        elif what == "reorder":
            self.scene.reorder(which, 0)
        elif what == "drag":
            self.scene.drag_foreground(which, [point, (1, 1)])
        else:
            self.scene.update(which, trajectory=[point])
        self.note()

    @rule(dx=st.integers(-20, 20), zoom=st.floats(0.5, 2), anchors=st.integers(1, 6))
    def camera(self, dx: int, zoom: float, anchors: int) -> None:
        try:
            self.scene.drag_camera((dx, 0), zoom, anchors)
        except LabError:  # moving things cover the whole picture
            assert np.any([e.mask for e in self.scene if e.controlled and e.kind == "foreground"], axis=0).all()
            assert self.scene.entities == self.trail[-1]
        self.note()

    @rule(x=st.integers(0, 63))
    def background(self, x: int) -> None:
        try:
            self.scene.drag_background([(0, 0), (x, 0)])
        except LabError:  # foreground covers the whole picture
            assert np.any([e.mask for e in self.scene if e.kind == "foreground"], axis=0).all()
            assert self.scene.entities == self.trail[-1]
        self.note()

    @rule(back=st.integers(1, 3))
    def there_and_back(self, back: int) -> None:
        state, done = self.scene.entities, sum(self.scene.undo() for _ in range(back))
        assert sum(self.scene.redo() for _ in range(done)) == done
        assert self.scene.entities == state

    @invariant()
    def valid(self) -> None:
        names = [entity.name for entity in self.scene]
        assert len(set(names)) == len(names)
        assert all(entity.mask.any() and entity.size == SIZE for entity in self.scene)
        paths = self.scene.paths(3)
        assert paths.shape == (3, len(self.scene.controlled), 2) and np.isfinite(paths).all()

    def teardown(self) -> None:
        for state in self.trail[-2::-1]:
            assert self.scene.undo() and self.scene.entities == state
        assert not self.scene.can_undo


TestEdits = Edits.TestCase
TestEdits.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


# The paper's four uses


def test_drag_foreground(scene: Scene) -> None:
    assert scene.drag_foreground("pier", [(55, 38), (20, 38)]).path(2)[-1].tolist() == [20, 38]
    assert not scene["pier"].pinned
    new = scene.drag_foreground(block(0, 0, 6, 6), [(3, 3), (9, 9)])
    assert new.name == "object 1" and scene.entities[-1] is new and new.kind == "foreground"
    assert scene.drag_foreground(block(0, 40, 6, 46), [(3, 43)], name="crab").name == "crab"
    scene.undo()
    assert "crab" not in scene


def test_drag_background_moves_the_rest_and_pins_what_would_float_away(scene: Scene) -> None:
    background = scene.drag_background([(32, 20), (40, 20)])
    assert scene.entities[0] is background and background.kind == "background" and background.name == "background"
    covered = np.sum([e.mask for e in scene], axis=0)
    assert (covered == 1).all()  # every pixel has one owner
    assert scene["cloud"].pinned and not scene["boat"].pinned
    assert scene.drag_background([(0, 0)]) is scene.entities[0] and len(scene.entities) == 4  # replaced, not added
    scene.undo()
    scene.undo()
    assert not scene["cloud"].pinned and len(scene.entities) == 3
    scene.add("all", np.ones(SIZE, bool))
    with pytest.raises(LabError, match="cover the whole picture"):
        scene.drag_background([(0, 0)])


def test_drag_both_is_one_step(scene: Scene) -> None:
    before = scene.entities
    boat, background = scene.drag_both("boat", [(12, 30), (20, 30)], [(0, 0), (-9, 0)])
    assert boat is scene["boat"] and background is scene.entities[0] and len(scene.controlled) == 4
    new, background = scene.drag_both(block(0, 0, 6, 6), [(3, 3), (9, 9)], [(0, 0), (5, 0)])
    assert new.name == "object 1" and not (background.mask & new.mask).any()
    scene.undo()
    scene.undo()
    assert scene.entities == before


def test_drag_camera_shares_the_picture_out(scene: Scene) -> None:
    tracks = scene.drag_camera(pan=(6, -2), zoom=1.25)
    assert [t.name for t in tracks] == ["camera 1", "camera 2", "camera 3", "camera 4"] and scene.entities[:4] == tracks
    moving = scene["boat"].mask | scene["pier"].mask
    np.testing.assert_array_equal(np.sum([t.mask for t in tracks], axis=0), ~moving)  # the cloud rides along
    middle = np.array([31.5, 23.5])
    for track in tracks:
        start, end = track.path(8)[[0, -1]]
        x, y = np.rint(start).astype(int)
        assert track.mask[y, x]
        np.testing.assert_allclose(end, middle + 1.25 * (start - middle) + (6, -2), atol=1e-3)
    assert len(scene.drag_camera(anchors=6)) == 6 and len(scene.entities) == 9  # replaces
    scene.drag_background([(0, 0)])
    assert all(e.kind != "camera" for e in scene)
    one = scene.drag_camera(anchors=1)
    assert len(one) == 1
    new = scene.drag_foreground(block(0, 0, 9, 9), [(4, 4)])
    assert not (scene[one[0].name].mask & new.mask).any()  # a new thing takes its pixels from the camera


def test_an_anchor_behind_a_moving_thing_moves_aside() -> None:
    scene = Scene(np.zeros((*SIZE, 3), np.uint8))
    scene.add("wall", block(10, 6, 22, 18), [(15, 12), (25, 15)])  # over the first anchor, not over all of its cell
    tracks = scene.drag_camera(zoom=2)
    assert len(tracks) == 4
    assert all(t.mask[tuple(np.rint(t.path(2)[0][::-1]).astype(int))] for t in tracks)
    scene.add("all", np.ones(SIZE, bool), pinned=True)
    with pytest.raises(LabError, match="camera sees nothing else"):
        scene.drag_camera()


def test_voronoi_cells_are_the_nearest_points() -> None:
    points = np.random.default_rng(2).random((5, 2)) * (64, 48)
    yy, xx = np.mgrid[:48, :64]
    expected = np.argmin(np.hypot(xx[..., None] - points[:, 0], yy[..., None] - points[:, 1]), axis=-1)
    np.testing.assert_array_equal(voronoi_cells(points, SIZE), expected)


# Resizing


def test_resized_takes_masks_and_paths_along(scene: Scene) -> None:
    double = scene.resized((96, 128))
    assert double.size == (96, 128) and double.settings == scene.settings and not double.can_undo
    assert double["boat"].box == (8, 48, 40, 72)
    np.testing.assert_allclose(double["boat"].trajectory.points, [(24.5, 60.5), (100.5, 60.5)])
    half = scene.resized((24, 32))
    assert half["boat"].box == (2, 12, 10, 18)
    assert half.image.dtype == np.uint8 and abs(half.image.mean() - scene.image.mean()) < 2
    assert scene.resized(SIZE) == scene


def test_a_mask_never_vanishes_when_it_shrinks() -> None:
    for mask in (block(10, 10, 11, 11), block(0, 20, 64, 21)):
        small = resized_mask(mask, (6, 8))
        assert small.any() and small.sum() <= 8
    assert resized_mask(block(10, 10, 11, 11), (6, 8))[1, 1]


def test_camera_tracks_may_go_far_but_others_not(scene: Scene) -> None:
    scene.drag_camera(zoom=50)
    scene.update("boat", trajectory=Trajectory([(12, 30), (128, 96), (-64, -48)]))  # one picture outside is allowed
    with pytest.raises(LabError, match="far outside"):
        scene.update("boat", trajectory=[(128.5, 0)])


def test_no_torch() -> None:
    code = "import sys, draganything_lab.scene, draganything_lab.scene.formats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
