# title: Entity masks
# summary: From a click to the pixels that belong to an object.
# minutes: 50
# gpu: the same; no step needs one
# download: nothing
# module: entity_masks

# %% [markdown]
# # Lesson 1: Entity masks
#
# {{badges}}
#
# You click the boat. The computer knows one pixel, and its colour. Which of the other pixels belong to the boat? Before
# anything can be dragged, this question needs an answer: a **mask**, a yes or a no for each pixel.
#
# {{cost}}
#
# **You will learn**
#
# 1. why a point is not an entity,
# 2. to grow a region from a click by hand, and see where that fails,
# 3. to say with one number how good a mask is,
# 4. to work with a segmenter: candidates, positive and negative clicks, boxes, a brush,
# 5. how a mask can lose pixels when it is saved, as it did in released code.
#
# **You should know** Python and a little numpy; lesson 0 is a good start. Points are (x, y), arrays are `a[y, x]`.

# %% bootstrap

# %% [markdown]
# ## 1. A point is not an entity
#
# Here is the harbour, and the truth: the mask of the boat, which Toyland knows because it drew it. We click a point on
# the hull.

# %% studio

# %%
import cv2
import numpy as np
from matplotlib import pyplot as plt

from draganything_lab import named_scene, show
from draganything_lab.lessons.entity_masks import check, deepest

scene = named_scene("harbour", size=(160, 288), num_frames=10).scene()
image, truth = scene.image, scene["boat"].mask
click = (60, 120)  # (x, y)
print("the click's colour (red, green, blue):", image[click[1], click[0]], " pixels of the boat:", truth.sum())

# %% [markdown]
# What would happen if we took the click for the object? Here are three ideas of "the boat": a small disc around the
# click, all pixels of the click's colour, and the true mask. Each is dragged to the right by the preview, which cuts
# out a mask and moves it.

# %%
from draganything_lab import Scene, preview

ys, xs = np.mgrid[:160, :288]
disc = (xs - click[0]) ** 2 + (ys - click[1]) ** 2 <= 8**2
colour = np.abs(image.astype(int) - image[click[1], click[0]]).max(axis=2) < 30
ends = {}
for name, mask in {"a disc": disc, "its colour": colour, "the boat": truth}.items():
    one = Scene(image)
    one.add("thing", mask, [(60, 120), (150, 110)])
    ends[name] = preview(one, 10)
show.strip(ends, count=3)

# %% [markdown]
# The disc tears a hole in the boat. The colour takes the roof of the house with it. Only the mask moves the *object*.
# The paper calls this the difference between dragging pixels and dragging entities.
#
# ## 2. Growing a region by hand
#
# Instead of every pixel of that colour, keep only those **connected** to the click. We start at the click and let the
# region grow: again and again it takes in neighbours whose colour is close to the click's.

# %%
def grow(image, click, tolerance):
    close = np.abs(image.astype(int) - image[click[1], click[0]]).max(axis=2) <= tolerance  # (H, W)
    region = np.zeros(close.shape, bool)
    region[click[1], click[0]] = True
    while True:
        larger = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & close
        if (larger == region).all():
            return region
        region = larger


grown = grow(image, click, tolerance=40)
close = (np.abs(image.astype(int) - image[click[1], click[0]]).max(axis=2) <= 40).astype(np.uint8)
pieces = cv2.connectedComponents(close, connectivity=8)[1]  # as OpenCV does it: number all pieces, take the click's
assert (grown == (pieces == pieces[click[1], click[0]])).all()
print("pixels:", grown.sum(), "of", truth.sum())

# %% [markdown]
# The tolerance decides everything. Too small, and we get one stripe; too large, and the sea flows in:

# %%
fig, axes = plt.subplots(1, 4, figsize=(12, 2.2))
for spot, tolerance in zip(axes, (10, 60, 120, 150)):
    region = grow(image, click, tolerance)
    spot.imshow(np.where(region[..., None], image, image // 4 + 20))
    spot.set_title(f"tolerance {tolerance}: {region.sum()} pixels", fontsize=9)
    spot.set_axis_off()
plt.show()

# %% [markdown]
# No tolerance gives the boat. Its stripes have different colours, and what makes them one object is not a colour at
# all. It takes someone who has seen boats.
#
# ## 3. How good is a mask?
#
# "Looks good" is not a number. The usual one is **intersection over union** (IoU): the pixels that are in both masks,
# divided by the pixels that are in one or the other.
#
# ### Exercise 1: IoU
#
# Write `iou(a, b)` for two masks (H, W).
#
# {{hints iou}}

# %% exercise iou
def iou(a, b):
    """Intersection over union of two masks: 1 for the same mask, 0 for no overlap."""
    ### BEGIN SOLUTION
    return (a & b).sum() / (a | b).sum()
    ### END SOLUTION

# %% check iou
check.iou(iou)

# %%
def overlap(a, b):  # the same, for the cells below
    return (a & b).sum() / (a | b).sum()


for tolerance in (10, 60, 120, 150):
    print(f"tolerance {tolerance:3}: IoU {overlap(grow(image, click, tolerance), truth):.2f}")

# %% [markdown]
# ## 4. A segmenter
#
# The lab asks a *segmenter*. All of them work alike: you set the picture once, which may take a while, and then every
# click is answered quickly. Which one answers depends on what is installed: a small SAM (*Segment Anything*, a network
# trained on a great many objects), or GrabCut, a classic method that knows only colours. The next line says which.

# %%
from draganything_lab import load_segmenter

segmenter = load_segmenter("auto")
segmenter.set_picture(image)
found = segmenter.predict(points=[click])
print("answered by:", found.backend, " candidates:", len(found.masks), " scores:", found.scores.round(2))

# %% [markdown]
# One click can mean a stripe, the hull, or the whole boat. So an honest segmenter gives several **candidates**, each
# with a score: its own guess of how good it is. Here they are, best score first, with the truth for comparison.

# %%
fig, axes = plt.subplots(1, len(found.masks) + 1, figsize=(11, 3))
titles = [f"score {s:.2f}, IoU {overlap(m, truth):.2f}" for s, m in zip(found.scores, found.masks)]
for spot, mask, title in zip(axes, [*found.masks, truth], [*titles, "truth"]):
    spot.imshow(np.where(mask[..., None], image, image // 4 + 20))
    spot.plot(*click, "+", color="white", markersize=10, markeredgewidth=2)
    spot.set(title=title, xlim=(20, 125), ylim=(150, 60))  # only the part around the boat
    spot.set_axis_off()
plt.show()

# %% [markdown]
# The score is what the segmenter *believes*. The IoU is what is *true*. On a photograph you only have the score.
#
# ## 5. Positive and negative clicks
#
# If the answer is wrong, click again: a positive click on what is missing, a negative one on what is too much. Labels
# say which is which: 1 and 0. Where would a careful user click? In the middle of the largest error. `deepest(mask)`
# gives the point (x, y) of a mask that is farthest from its edge.
#
# ### Exercise 2: the next click
#
# Write `next_click(found, truth)` for two masks. It returns ((x, y), label): the deepest point of what was missed, with
# label 1, or of what is too much, with label 0, whichever has more pixels.
#
# {{hints next_click}}

# %% exercise next_click
def next_click(found, truth):
    """Where a careful user clicks next, and with which label: ((x, y), 1 or 0)."""
    ### BEGIN SOLUTION
    missed, extra = truth & ~found, found & ~truth
    if missed.sum() >= extra.sum():
        return deepest(missed), 1
    return deepest(extra), 0
    ### END SOLUTION

# %% check next_click
check.next_click(next_click)

# %% [markdown]
# With such a simulated user, you can test a segmenter without people. How much does each further click help? We let it
# click up to four times on each object in four scenes.

# %%
def clicks_needed(segmenter, truth, most=4):
    points, labels, quality = [deepest(truth)], [1], []
    for _ in range(most):
        found = segmenter.predict(points=points, labels=labels)
        quality.append(overlap(found.best, truth))
        missed, extra = truth & ~found.best, found.best & ~truth
        if not (missed | extra).any():
            return quality + [quality[-1]] * (most - len(quality))
        plus = missed.sum() >= extra.sum()
        points, labels = [*points, deepest(missed if plus else extra)], [*labels, int(plus)]
    return quality

# %%
from draganything_lab import LabError

curves = {}
for name in ("harbour", "road", "sky", "meadow"):
    world = named_scene(name, size=(160, 288), num_frames=2).scene()
    segmenter.set_picture(world.image)
    for entity in world:
        try:
            curves[f"{name}: {entity.name}"] = clicks_needed(segmenter, entity.mask)
        except LabError as error:
            print(f"{name}, {entity.name}: {error}")
for name, quality in curves.items():
    print(f"{name:20}", "  ".join(f"{value:.2f}" for value in quality))
print(f"{'mean':20}", "  ".join(f"{value:.2f}" for value in np.mean(list(curves.values()), axis=0)))

# %%
fig, axes = plt.subplots(figsize=(6, 3))
for quality in curves.values():
    axes.plot(range(1, 5), quality, color="#0072B2", alpha=0.3)
axes.plot(range(1, 5), np.mean(list(curves.values()), axis=0), "o-", color="#D55E00", linewidth=2.5)
axes.set(xticks=range(1, 5), ylim=(0, 1.02), xlabel="clicks", ylabel="IoU with the truth")
axes.set_title(f"Each object (thin) and the mean (thick), by {found.backend}", loc="left", fontsize=10)
plt.show()

# %% [markdown]
# The small network is good from the first click but does not improve with more: it was trained on little else. That is
# not what interactive segmentation promises. Put `load_segmenter("grabcut")` into the cell above, which starts lower
# and *does* climb. Then look at the thin lines: which object stays low, and why? (The thick line is what people quote;
# the thin ones are what you should look at.)
#
# ## 6. Boxes, and a brush
#
# A box says more than a click: nothing outside it belongs to the object.
#
# ### Exercise 3: the box of a mask
#
# Write `box(mask)`. It returns (left, top, right, bottom), so that `mask[top:bottom, left:right]` just contains the
# whole mask.
#
# {{hints box}}

# %% exercise box
def box(mask):
    """The smallest box around a mask: (left, top, right, bottom); right and bottom are one past the last pixel."""
    ### BEGIN SOLUTION
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    ### END SOLUTION

# %% check box
check.box(box)

# %%
boat = scene["boat"]
segmenter.set_picture(image)
by_box = segmenter.predict(box=boat.box)
print("the library's box:", boat.box, " IoU with a box:", round(overlap(by_box.best, truth), 2))

# %% [markdown]
# And if nothing helps, paint. `paint` adds a stroke of a round brush, or removes it; `clean_mask` drops specks and
# fills pinholes; `describe_mask` measures, and warns.

# %%
from draganything_lab.scene import clean_mask, describe_mask, paint

crumbs = np.random.default_rng(0).random(truth.shape) < 0.002  # a noisy mask
noisy = (truth ^ crumbs) | paint(np.zeros_like(truth), [(200, 40), (230, 60)], radius=3)
for name, mask in {"noisy": noisy, "cleaned": clean_mask(noisy, min_area=200), "true": truth}.items():
    report = describe_mask(mask)
    print(f"{name:8} pixels {report.area:5}  pieces {report.pieces:3}  IoU {overlap(mask, truth):.3f}  {report.warnings}")

# %% [markdown]
# ## 7. From mask to entity
#
# A scene keeps the mask together with a name and a path. That is an **entity**, which is what all other lessons drag.

# %%
mine = Scene(image)
mine.add("my boat", clean_mask(by_box.best), [boat.centre, (200, 120)])
show.masks(mine)

# %% [markdown]
# ## 8. The paper against the released code
#
# The released demo reads masks from files and turns them into zeros and ones like this: `(x / 255).astype(np.uint8)`.
# That is: divide by 255 and drop the decimals. So 255 becomes 1, and 254 becomes 0. In a PNG that does no harm. But a
# JPEG changes pixels a little.
#
# ### Exercise 4: what is left
#
# Write `kept(mask)`: the share of the mask's pixels that are still there after the mask was saved as a JPEG (255 where
# True; with OpenCV's `cv2.imencode` and its default settings) and read as the released code reads it.
#
# {{hints kept}}

# %% exercise kept
def kept(mask):
    """Share of a mask that survives a JPEG file and the released code's reading of it."""
    ### BEGIN SOLUTION
    packed = cv2.imencode(".jpg", mask.astype(np.uint8) * 255)[1]
    back = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return ((back / 255).astype(np.uint8).astype(bool) & mask).sum() / mask.sum()
    ### END SOLUTION

# %% check kept
check.kept(kept)

# %%
from draganything_lab.media import load_mask

packed = cv2.imencode(".jpg", truth.astype(np.uint8) * 255)[1]
back = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
released = (back / 255).astype(np.uint8).astype(bool)
print(f"released code: {100 * (truth & ~released).sum() / truth.sum():.1f} % of the boat's pixels are lost")
print(f"the lab:       {100 * (truth & ~load_mask(packed.tobytes())).sum() / truth.sum():.1f} % (128 and above counts)")

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3))
for spot, mask, title in zip(axes, (truth, released), ("the mask", "read from a JPEG by the released code")):
    spot.imshow(mask[68:140, 32:110], cmap="gray", interpolation="nearest")
    spot.set_title(title, fontsize=10)
    spot.set_axis_off()
plt.show()

# %% [markdown]
# Nothing crashes and nothing warns you. Such errors are the dangerous ones; you find them by looking at pictures of
# what you compute.
#
# ## What you have seen
#
# - A point is one position. An entity is all the pixels of an object, and only an entity can be dragged whole.
# - Colours are not objects. Growing a region finds stripes, not boats.
# - A segmenter gives candidates with scores; the score is a belief, the IoU is the truth.
# - Positive and negative clicks, boxes and a brush let you correct it. A simulated user measures whether they help.
# - Files can lose pixels silently. Always save masks as PNG.
#
# **Go further.** Repeat section 5 with `load_segmenter("grabcut")` and with whatever else you have, and compare the
# means. Take a photograph of your own: `load_picture` reads it. Which objects need the most clicks?
#
# **What next.** Lesson 2 asks what a network knows about the pixels under a mask. Lesson 3 turns the mask and the path
# into what a video model is shown.
