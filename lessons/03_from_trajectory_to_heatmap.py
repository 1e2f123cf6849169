# title: From trajectory to heatmap
# summary: How a line drawn with the mouse becomes numbers that a network can read.
# minutes: 45
# gpu: the same; no step uses one
# download: nothing
# module: trajectory_to_heatmap

# %% [markdown]
# # Lesson 3: From trajectory to heatmap
#
# {{badges}}
#
# You draw a line: the boat goes *there*. A neural network cannot read a line. It reads arrays of numbers, one for each
# frame of the video. In this lesson you build these arrays yourself, and then you find out where the paper and its
# released code disagree about them.
#
# {{cost}}
#
# **You will learn**
#
# 1. how a few points become one point for each frame, at the model's size,
# 2. how an object's mask sets the size of its hill,
# 3. to draw a Gaussian and a disc, by hand, pixel by pixel,
# 4. the paper's five ways to write a drag into an array, and a sixth of our own, side by side,
# 5. what the released code does differently at the picture's border, and how to see it.
#
# **You should know** Python and a little numpy. Lesson 0 is a good start.

# %% bootstrap

# %% [markdown]
# ## 1. A picture, an object, a path
#
# We take the harbour of Toyland, a drawn world. The boat should sail to the right in an arc, the cloud drifts to the
# left, and the house is pinned: it should stay.

# %% studio

# %%
import numpy as np

from draganything_lab import named_scene, show
from draganything_lab.lessons.trajectory_to_heatmap import check

scene = named_scene("harbour", size=(320, 576), num_frames=14).scene()
show.trajectories(scene)

# %% [markdown]
# Each dot is one frame. Two orders matter from here on, and mixing them up is the most common mistake in this field:
#
# - points are **(x, y)**: first to the right, then down;
# - arrays are **(height, width)**: first the row, then the column. So the pixel under the point (x, y) is `a[y, x]`.

# %%
boat = scene["boat"]
path = boat.path(14)  # (14, 2): x and y in each frame
print("the picture's size (H, W):", scene.size)
print("the path's shape:", path.shape, " first point (x, y):", path[0], " last:", path[-1])

# %% [markdown]
# ## 2. To the model's size
#
# People draw on pictures of any size, but a model works at its own size. So points must be scaled. That looks like one
# multiplication, but it hides a trap. Pixels are small squares, and the pixel 0 reaches from -0.5 to 0.5. The picture's
# left edge is therefore at x = -0.5, not at 0.
#
# Shrink a row of four pixels to two. Old pixels 0 and 1 become new pixel 0, so their shared edge, x = 0.5, must become
# the middle of new pixel 0, x = 0. Plain multiplication says something else:

# %%
print("0.5 times 2/4 is", 0.5 * 2 / 4, ", but the middle of the new pixel is 0")
print("with the half pixel:", (0.5 + 0.5) * 2 / 4 - 0.5)

# %% [markdown]
# ### Exercise 1: scale a path
#
# Write `to_model(points, old, new)`. It takes points (N, 2) on a picture of size `old` (H, W) and returns the same
# points on a picture of size `new` (H, W). Mind the half pixel, and which number of a size belongs to x.
#
# {{hints to_model}}

# %% exercise to_model
def to_model(points, old, new):
    """Scale points (N, 2), x and y, from a picture of size old (H, W) to one of size new (H, W)."""
    ### BEGIN SOLUTION
    factor = np.array([new[1] / old[1], new[0] / old[0]])
    return (points + 0.5) * factor - 0.5
    ### END SOLUTION

# %% check to_model
check.to_model(to_model)

# %% [markdown]
# The library does this in one place, so that no other code has to think about it:

# %%
small = boat.trajectory.scaled(from_size=scene.size, to_size=(160, 288))
print("first point at half the size:", small.points[0])

# %% [markdown]
# ## 3. How large is the object?
#
# A point says where. The paper wants more: the model should know how large the object is. It takes the **largest circle
# that fits into the mask** (section 3.3). We find it by brute force: for every pixel of the mask, how far is the
# nearest pixel outside? The pixel for which that is largest is the centre.

# %%
def circle_by_hand(mask):
    padded = np.pad(mask, 1)  # what lies beyond the picture counts as outside
    inside, outside = np.argwhere(padded), np.argwhere(~padded)  # (A, 2) and (B, 2): row, column
    distance = [np.sqrt(((outside - pixel) ** 2).sum(axis=1).min()) for pixel in inside]
    row, column = inside[int(np.argmax(distance))] - 1
    return (int(column), int(row)), float(max(distance))


little = scene.resized((80, 144))["cloud"]
by_hand = circle_by_hand(little.mask)
print("by hand:     centre (x, y) and radius", by_hand)
print("the library: centre (x, y) and radius", (little.centre, little.radius))
assert abs(by_hand[1] - little.radius) < 0.03 * little.radius

# %% [markdown]
# The two agree to a few hundredths, not exactly: the library and the released code use a fast approximation from OpenCV
# (`distanceTransform` with a 5x5 mask), which looks at each pixel a few times instead of thousands of times.
#
# Look at the circles over the masks. The boat is the largest object here, but it is made of narrow parts, so its circle
# is the smallest. Keep that in mind: the circle is a simple stand-in for a shape, not the shape.

# %%
from matplotlib.patches import Circle

figure = show.masks(scene)
for entity in scene.controlled:
    ring = Circle(entity.centre, entity.radius, fill=False, color="white", linewidth=2)
    figure.axes[0].add_patch(ring)  # a picture of 576 pixels is shown pixel for pixel
figure

# %% [markdown]
# ## 4. A hill at the point
#
# Now the core of it. For each pixel we need its distance to the centre. `np.mgrid` gives the row and the column number
# of every pixel as two arrays. From the distance, a Gaussian makes a hill: 1 at the centre, falling off with a width
# called sigma.

# %%
ys, xs = np.mgrid[:80, :144]  # each (80, 144)
x, y = little.path(14)[0]
squared = (xs - x) ** 2 + (ys - y) ** 2  # (80, 144) squared distance to the centre
sigma = 0.4 * little.radius
hill = np.exp(-squared / (2 * sigma**2))
row, column = np.unravel_index(hill.argmax(), hill.shape)
print(f"highest: {hill.max():.3f} at row {row}, column {column}; the point is at x = {x:.2f}, y = {y:.2f}")

# %% [markdown]
# How wide is a hill with sigma = 0.4 radius? At the circle's edge, r = radius, a Gaussian with this sigma has fallen to
# exp(-1 / (2 · 0.4²)), which is

# %%
edge = np.exp(-1 / (2 * 0.4**2))
print(f"{edge:.4f} of its height, or {255 * edge:.1f} of 255")

# %% [markdown]
# Small, but not nothing: the hill ends with a little step at the circle's edge. The released code draws the same step,
# with the value rounded down to 11.
#
# ### Exercise 2: the stamp
#
# Write `stamp(size, centre, radius)`. It returns an array of `size` (H, W). Inside the circle (distance at most
# `radius`) it holds the hill times 255, rounded, with sigma = 0.4 · radius. Outside, it holds 0. The centre is (x, y).
#
# {{hints stamp}}

# %% exercise stamp
def stamp(size, centre, radius):
    """Draw a Gaussian hill of 0..255 that ends at a circle: an array of size (H, W)."""
    ### BEGIN SOLUTION
    ys, xs = np.mgrid[: size[0], : size[1]]
    squared = (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2
    heat = 255 * np.exp(-squared / (2 * (0.4 * radius) ** 2))
    return np.where(squared <= radius**2, np.round(heat), 0).astype(np.uint8)
    ### END SOLUTION

# %% check stamp
check.stamp(stamp)

# %% [markdown]
# Now the same from the library, for the cloud alone. `build_control` makes the whole signal: one hill for each object
# and each frame. We compare our hill with its first frame.

# %%
from draganything_lab import build_control

alone = scene.resized((80, 144))
alone.remove("boat")
alone.remove("house")
control = build_control(alone, 14, representation="gaussian")
one_frame = np.where(squared <= little.radius**2, 255 * hill + 0.5, 0).astype(np.uint8)
assert np.abs(one_frame.astype(int) - control.heat[0]).max() <= 1
print("control.heat:", control.heat.shape, control.heat.dtype, "- the same as by hand in frame 0")

# %% [markdown]
# ## 5. Several objects
#
# Where two hills meet, one must give way. Later objects are nearer to the viewer, so a later hill replaces an earlier
# one inside its own circle. They are not added, nor is the maximum taken. (The paper does not say. The released code
# does the same, except that there the later hill replaces its whole square box, dark corners included.)
#
# ### Exercise 3: who is in front
#
# Write `layered(heats, discs)`. It takes N hills (N, H, W) and the N discs (N, H, W) that say where each hill is. It
# returns one array (H, W).
#
# {{hints layered}}

# %% exercise layered
def layered(heats, discs):
    """Lay hills (N, H, W) over each other, later ones in front, each within its disc (N, H, W)."""
    ### BEGIN SOLUTION
    out = np.zeros_like(heats[0])
    for heat, disc in zip(heats, discs):
        out[disc] = heat[disc]
    return out
    ### END SOLUTION

# %% check layered
check.layered(layered)

# %% [markdown]
# To see the rule at work, let a bus and a car cross. The car comes later in the scene, so in frame 6 its hill is in
# front.

# %%
crossing = named_scene("crossing", size=(320, 576), num_frames=14).scene()
show.control_stack(build_control(crossing, 14, representation="gaussian"), crossing.image, count=3)

# %% [markdown]
# ## 6. Six ways to say the same thing
#
# The hill says where and how large. It does not say *what*. DragAnything's idea is to write that into the array, too:
# the circle around the point is filled with a **vector** that describes the object, taken from another network's view
# of it (lesson 2). The paper compares five ways. The sixth is ours:
#
# | representation | what the array contains | says | cannot say |
# |---|---|---|---|
# | point | a small dot | where | how large, what, how turned |
# | trajectory | step x, step y, and 255 minus the dot; blurred | where, which direction | how large, what, how turned |
# | gaussian | a hill | where, and how large | what, how turned |
# | entity | the object's vector, in its disc | where, how large, and what | how far it reaches, how turned |
# | entity+gaussian | both | all of this, with the middle marked | how far it reaches, how turned |
# | carry (ours) | the vector in the moved mask; moved, hole, hill | all this, how far, turned, from where | how it bends |
#
# The entity vectors need a network. To see the mechanics without one, we describe each object by its mean colour: three
# numbers, computed from the picture. (In the pictures below, a disc has its entity's *drawing* colour, not the vector.)

# %%
colours = np.stack([scene.image[entity.mask].mean(axis=0) for entity in scene.controlled])  # (3 objects, 3 numbers)
kinds = ("point", "trajectory", "gaussian", "entity", "entity+gaussian", "carry")
signals = {kind: build_control(scene, 14, representation=kind, vectors=colours) for kind in kinds}
show.control_stack(signals, scene.image, count=3)

# %% [markdown]
# Follow one column with your eyes: each row gives the network different information, and the last one gives most.
# Lesson 6 tests what that is worth. (The house is pinned: `carry` treats what stands still as part of the backdrop,
# without a vector. Stripes mark where something has left.)
#
# **The sixth, by hand.** The first channel of its picture says where something has moved to, the second where something
# has left and the picture knows nothing; the third is the hill. We let the cloud drift by two pixels in each frame, so
# that moving a mask is only a shift of its array:

# %%
x, y = alone["cloud"].centre
alone.update("cloud", trajectory=[(x, y), (x - 26, y)])  # 13 steps of two pixels
mask = alone["cloud"].mask
arrived = np.roll(mask, -2 * 5, axis=1)  # frame 5; nothing leaves the picture, so nothing wraps around
hole = mask & ~arrived
carry = build_control(alone, 14, representation="carry", vectors=colours[:1])
has_moved, is_hole, _ = np.moveaxis(carry.image(5, 6)[0], -1, 0)
assert (has_moved == 255 * arrived).all() and (is_hole == 255 * hole).all()
ways = carry.ways(8)[5]  # (3, 10, 18): for each 8x8 cell the step back in x and y, in cells, and whether it is known
print("steps back in x, in pixels:", np.unique(8 * ways[0]), f" known in {ways[2].mean():.0%} of the cells")

# %% [markdown]
# The last line is what no disc can say: for each position, **where in the picture its content was**. A network that
# knows this need not draw the cloud again, but can fetch it (lesson 4).
#
# **Turning and growing.** A drag can also ask that an object turns and grows on its way (lesson 7). A disc can grow, but
# looks the same however it turns. The mask turns, and the steps back turn with it. The library says in a sentence what
# would be lost:

# %%
from draganything_lab.control.unsaid import unsaid

heeling = scene.copy()
heeling.update("boat", trajectory=boat.trajectory.turned(-30).grown(0.5))
for kind in kinds:
    print(f"{kind:16}", unsaid(heeling, kind) or "says all of it")
show.control_stack(
    {kind: build_control(heeling, 14, representation=kind, vectors=colours) for kind in ("entity+gaussian", "carry")},
    scene.image,
    count=3,
)

# %% [markdown]
# **What the network gets.** The ControlNet has two inputs: a picture with three channels, and a map with one channel
# per number of the vector.

# %%
for kind, signal in signals.items():
    picture, entity_map = signal.image(0, 1), signal.entity_map(0, 1)
    tops = f"picture {picture.shape} {picture.min():.0f} to {picture.max():.0f}, map {entity_map.shape}"
    tops += f" up to {entity_map.max():.0f}"
    print(f"{kind:16} {tops}")

# %% [markdown]
# The zeros are not a mistake: "entity" leaves the picture empty, and the first three leave the map empty.
#
# **What it costs.** With the released 160 numbers per vector, the map of 20 frames is huge, and nearly all of it is
# zeros. So the library keeps labels (which object owns this pixel?) and a table of vectors, and writes the map out only
# when the network asks for it:

# %%
many = np.random.default_rng(0).normal(size=(3, 160))
signal = build_control(scene, 20, vectors=many)
dense = 20 * 320 * 576 * 160 * 4  # frames, height, width, channels, bytes of a float32
print(f"written out: {dense / 1e9:.2f} GB; kept: {signal.nbytes / 1e6:.1f} MB; {dense / signal.nbytes:.0f} times less")

# %% [markdown]
# ## 7. The paper against the released code
#
# A paper and its code seldom agree in every detail. Here the difference is visible to the naked eye. The released code
# draws one 200x200 hill and **resizes** it into the box around the point. That is fine in the middle of a picture. At
# the border the box is clipped, and the whole hill is squeezed into what is left.
#
# ### Exercise 4: the released box
#
# Write `released_box(centre, radius, size)` for a whole centre (x, y), a whole radius and a picture's size (H, W). It
# returns (left, top, right, bottom): from x - radius to x + radius and the same for y, clipped at 0 on one side and at
# **width - 1** and **height - 1** on the other. (The box ends before right and bottom, so the last row and the last
# column are never drawn on. The code does not say whether that was intended.)
#
# {{hints released_box}}

# %% exercise released_box
def released_box(centre, radius, size):
    """Return (left, top, right, bottom) of the box that the released code draws a hill into."""
    ### BEGIN SOLUTION
    (x, y), (height, width) = centre, size
    return max(x - radius, 0), max(y - radius, 0), min(x + radius, width - 1), min(y + radius, height - 1)
    ### END SOLUTION

# %% check released_box
check.released_box(released_box)

# %% [markdown]
# The library has both readings, as two presets. Let a large balloon drift out of the picture and compare the last
# frame: cut off in the upper row, squeezed into an egg in the lower one.

# %%
leaving = named_scene("sky", size=(320, 576), num_frames=14).scene()
leaving.update("balloon 2", trajectory=[(196, 128), (12, 150)])
both = {
    f"{name}: {what}": build_control(leaving, 14, representation="gaussian", preset=name)
    for name, what in (("paper", "cut off at the border"), ("release", "squeezed into what is left"))
}
show.control_stack(both, leaving.image, count=2)

# %%
paper, release = both.values()
apart = np.abs(paper.heat.astype(int) - release.heat)
different = (apart > 30).mean(axis=(1, 2))  # share of the pixels, in each frame; less is rounding
print("radius of each object, paper:  ", np.round(paper.radii, 1))
print("radius of each object, release:", np.round(release.radii, 1), "(whole pixels, at most 50)")
print("pixels that differ: first frame", f"{different[0]:.1%}", " last frame", f"{different[-1]:.1%}")

# %% [markdown]
# A second difference cannot be seen in a picture, but it is larger. The paper writes the object's whole vector into its
# disc. The released demo takes one number from it, and writes that into all channels:

# %%
whole = build_control(scene, 14, vectors=many, preset="paper").vectors
one = build_control(scene, 14, vectors=many, preset="release").vectors
print("different numbers in each vector, paper:  ", [len(np.unique(row)) for row in whole[1:]])
print("different numbers in each vector, release:", [len(np.unique(row)) for row in one[1:]])

# %% [markdown]
# So in the public demo the "entity representation" is a single number for each object. The released *training* code
# writes the whole vector, as the paper says. If you only read the paper, you would never know; if you only ran the
# demo, you would draw the wrong conclusion about the paper. Which of the two made the pictures in the paper? The honest
# answer is that we do not know.
#
# ## What you have seen
#
# - A drawn line becomes one point for each frame, at the model's size, with half a pixel of care.
# - The largest circle in the mask gives the hill its width: sigma is 0.4 radius.
# - Representations write different things into the array: where, which direction, how large, what. A sixth, ours, says
#   how far an object reaches, and where everything came from.
# - Later objects are in front of earlier ones.
# - Papers and code differ. A switch for each difference lets you test whether it matters.
#
# **Go further.** Draw your `stamp` with sigma = 0.2 · radius and look at it. Drag two objects across each other and
# swap their order with `scene.reorder`. Read `draganything_lab/control/stamps.py`: the table at its top lists the
# differences between the two readings.
#
# **What next.** Lesson 4 feeds these arrays to a network. Lesson 5 measures whether it obeyed.
