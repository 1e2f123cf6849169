# title: Pixel motion
# summary: Where did every pixel go, and was it asked to?
# minutes: 60
# gpu: the same; no step uses one
# download: nothing
# module: pixel_motion

# %% [markdown]
# # Lesson 5: Pixel motion
#
# {{badges}}
#
# You asked for a boat that sails to the right. You got a video. Did the boat obey? Looking is not enough: the eye
# forgives a lot, and a claim needs a number. So we follow pixels. In this lesson you build a tracker twice, the obvious
# way and the 1981 way, you test it where the truth is known, and then you compare videos with what was asked.
#
# {{cost}}
#
# **You will learn**
#
# 1. to follow a point by searching, and by solving two equations,
# 2. why some pixels cannot be followed, whatever you do,
# 3. to read the paper's "motion of the 20th frame",
# 4. to measure a tracker before you trust its measurements,
# 5. to say how well a video obeyed, and to see the paper's second insight as a curve.
#
# **You should know** numpy, and what a scene and a trajectory are (lesson 0). The two orders: points are (x, y), arrays
# are `a[y, x]`.

# %% bootstrap

# %% [markdown]
# ## 1. A video whose motion is known
#
# Toyland is drawn by a program, and the program knows where every pixel goes. That is the truth with which we compare
# all trackers below. Our harbour has 60 frames here, so that the boat moves a little in each.

# %% studio

# %%
import cv2
import numpy as np

from draganything_lab import motion, named_scene, show
from draganything_lab.lessons.pixel_motion import check

clip = named_scene("harbour", size=(160, 288), num_frames=60)
tracks, visible = clip.motion()  # where each pixel of frame 0 is in every frame
print("video", clip.video.shape, " tracks", tracks.shape, " visible", visible.shape)
show.strip(clip.video, count=4)

# %% [markdown]
# `tracks[t, y, x]` is where the pixel at row y and column x of frame 0 is in frame t, as (x, y). We choose a point at
# the boat's mast.

# %%
x, y = 73, 79
print("frame 1:", tracks[1, y, x].round(2), " frame 10:", tracks[10, y, x].round(2))

# %% [markdown]
# ## 2. The obvious way: search
#
# Cut out the small square around the point in frame 0. Lay it over frame 1, a little to the left, to the right, up and
# down. The point went where it fits best. "Fits" means that the mean squared difference of the grey levels is small.

# %%
grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.video]).astype(np.float32)  # (60, 160, 288)


def patch(picture, x, y, half=7):
    return picture[y - half : y + half + 1, x - half : x + half + 1]  # (15, 15)


def search(before, now, x, y, reach=6):
    shifts = [(dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    misfit = [((patch(now, x + dx, y + dy) - patch(before, x, y)) ** 2).mean() for dx, dy in shifts]
    return np.array(shifts[int(np.argmin(misfit))]), np.reshape(misfit, (2 * reach + 1, -1))


step, misfit = search(grey[0], grey[1], x, y)
print("found:", step, " truth:", (tracks[1, y, x] - (x, y)).round(2))

# %% [markdown]
# It is right to the nearest pixel, and this search cannot say more. OpenCV searches in the same way, but faster. It
# must agree:

# %%
window = patch(grey[1], x, y, half=7 + 6)  # the square and six pixels around it
fits = cv2.matchTemplate(window, patch(grey[0], x, y), cv2.TM_SQDIFF)
row, column = np.unravel_index(fits.argmin(), fits.shape)
assert (column - 6, row - 6) == tuple(step)
assert np.allclose(fits / 15**2, misfit, rtol=1e-3)

# %% [markdown]
# ## 3. The clever way: two equations
#
# Lucas and Kanade asked in 1981: is a search necessary at all? Say the picture gets brighter to the right by `gx` grey
# levels per pixel, and downwards by `gy`. If everything moves by a small step (dx, dy), then the grey level at a fixed
# position changes by
#
# $$\text{change} = -(g_x\,dx + g_y\,dy).$$
#
# There is one such equation for each of the 225 pixels of the square, and only two unknowns. The least-squares answer
# solves
#
# $$\begin{pmatrix}\sum g_x g_x & \sum g_x g_y\\ \sum g_x g_y & \sum g_y g_y\end{pmatrix}
# \begin{pmatrix}dx\\ dy\end{pmatrix} = -\begin{pmatrix}\sum g_x\,\text{change}\\ \sum g_y\,\text{change}\end{pmatrix}.$$
#
# ### Exercise 1: the step
#
# Write `lk_step(gx, gy, change)`. All three are arrays of the same shape. It returns (dx, dy) as an array.
#
# {{hints lk_step}}

# %% exercise lk_step
def lk_step(gx, gy, change):
    """Solve for the step (dx, dy) that explains the change best."""
    ### BEGIN SOLUTION
    matrix = np.array([[(gx * gx).sum(), (gx * gy).sum()], [(gx * gy).sum(), (gy * gy).sum()]])
    return np.linalg.solve(matrix, -np.array([(gx * change).sum(), (gy * change).sum()]))
    ### END SOLUTION

# %% check lk_step
check.lk_step(lk_step)

# %% [markdown]
# One step is only nearly right, because pictures are not straight ramps. So it is repeated: go there, look at what is
# still different, go on. Here is the whole method with numpy's own least squares:

# %%
def lucas_kanade(before, now, x, y, rounds=6):
    down, across = np.gradient(before)  # each (160, 288)
    sides = np.stack([patch(across, x, y).ravel(), patch(down, x, y).ravel()], axis=1)  # (225, 2)
    ys, xs = (grid.astype(np.float32) for grid in np.mgrid[y - 7 : y + 8, x - 7 : x + 8])
    found = np.zeros(2)
    for _ in range(rounds):
        there = cv2.remap(now, xs + np.float32(found[0]), ys + np.float32(found[1]), cv2.INTER_LINEAR)
        change = there - patch(before, x, y)
        found += np.linalg.lstsq(sides, -change.ravel(), rcond=None)[0]
        print("  ", found.round(3))
    return found


print("to frame 1, truth", (tracks[1, y, x] - (x, y)).round(3))
near = lucas_kanade(grey[0], grey[1], x, y)
assert np.linalg.norm(near - (tracks[1, y, x] - (x, y))) < 0.25

# %% [markdown]
# After three rounds it is right to a fraction of a pixel. But it assumes *small* steps. To frame 8 the boat goes much
# farther than the square is wide:

# %%
print("to frame 8, truth", (tracks[8, y, x] - (x, y)).round(3))
far = lucas_kanade(grey[0], grey[8], x, y)

# %% [markdown]
# It gets lost, and it does not know. The remedy is to look at smaller pictures first, where a large step is small (a
# *pyramid*). OpenCV does that, and the library's tracker "lucas-kanade" is based on it:

# %%
from draganything_lab import track

found = track(clip.video[[0, 8]], [(x, y)], tracker="lucas-kanade")
print("with a pyramid:", (found.points[1, 0] - (x, y)).round(2), " truth:", (tracks[8, y, x] - (x, y)).round(2))

# %% [markdown]
# ## 4. Where nothing can be followed
#
# Look at the matrix again. In a plain piece of sky both gradients are 0, and there is nothing to solve. On a straight
# edge only one direction counts: a step along the edge changes nothing visible. This is the **aperture problem**. The
# smaller eigenvalue of the matrix says how well a position can be followed in its worst direction.

# %%
down, across = np.gradient(grey[0])
a, b, c = (cv2.boxFilter(product, -1, (15, 15)) for product in (across**2, across * down, down**2))
smaller = (a + c) / 2 - np.sqrt(((a - c) / 2) ** 2 + b**2)  # (160, 288): the smaller eigenvalue, everywhere
larger = a + c - smaller
for name, (column, row) in {"sky": (100, 40), "waterline": (25, 83), "mast": (x, y)}.items():
    print(f"{name:10} smaller {smaller[row, column]:7.2f}  larger {larger[row, column]:7.2f}")

# %%
from matplotlib import pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(10, 3))
axes[0].imshow(clip.video[0])
axes[1].imshow(np.log10(smaller.clip(0.01)), cmap="viridis")
for spot, title in zip(axes, ("Frame 0", "How well can it be followed? (bright: well)")):
    spot.set_title(title)
    spot.set_axis_off()
plt.show()

# %% [markdown]
# Corners are bright, edges are dim, the sky is dark. A tracker that gives a confident answer in the sky is guessing.
#
# ### Exercise 2: a tracker that checks itself
#
# A simple test finds most guesses: follow the point forward, then follow the result **backward**. A point that does not
# come back to where it started was lost on the way. Write `came_back(start, back, most)` for points (N, 2): True where
# the distance between the two is less than `most`.
#
# {{hints came_back}}

# %% exercise came_back
def came_back(start, back, most):
    """Say for each point (N, 2) whether it came back to within `most` pixels: (N,) bool."""
    ### BEGIN SOLUTION
    return np.linalg.norm(back - start, axis=-1) < most
    ### END SOLUTION

# %% check came_back
check.came_back(came_back)

# %% [markdown]
# ## 5. Every pixel
#
# The library's default tracker follows all pixels at once. It needs no weights: it computes dense flow, gathers pixels
# that move alike into layers, and so finds objects again after they have been hidden. The paper shows the motion up to
# the **20th frame** in pictures like these:

# %%
from draganything_lab.tracking import Tracks, grid_queries, tracking_accuracy

harbour = named_scene("harbour", size=(80, 144), num_frames=21)
show.motion_of_frame(harbour.video, frame=20)

# %% [markdown]
# In the fourth picture the hue is the direction and the strength is the distance; the small wheel is the legend.
# Hatched pixels can no longer be seen in frame 20. Notice that the sea and the sky are pale: they stayed. The coloured
# specks beside the mast are errors of the tracker: it assigned some pixels of the sky to the boat. How often does it do
# that?
#
# ## 6. How good is the tracker?
#
# Before a tracker judges videos, judge the tracker. In "crossing" a car drives in front of a bus. We follow a grid of
# points with three trackers and compare them with the truth.
#
# ### Exercise 3: the end point error
#
# Write `end_point_error(found, truth, visible)`: the mean distance between found and true points, both (T, N, 2), over
# those that are really visible, (T, N).
#
# {{hints end_point_error}}

# %% exercise end_point_error
def end_point_error(found, truth, visible):
    """Mean distance in pixels over the visible points; found and truth are (T, N, 2), visible is (T, N)."""
    ### BEGIN SOLUTION
    return np.linalg.norm(found - truth, axis=-1)[visible].mean()
    ### END SOLUTION

# %% check end_point_error
check.end_point_error(end_point_error)

# %%
crossing = named_scene("crossing", size=(80, 144), num_frames=10)
where, seen = crossing.motion()
points = grid_queries((80, 144), rows=16, columns=28).round()
columns, rows = points.astype(int).T
truth = Tracks(where[:, rows, columns], seen[:, rows, columns])
print(f"{'tracker':14}{'median':>8}{'mean':>8}{'within 1 px':>13}{'hidden: right':>15}")
for name in ("lucas-kanade", "dis", "opencv"):
    how = tracking_accuracy(track(crossing.video, points, name), truth, (80, 144))
    within, hidden = how.delta[0], how.occlusion_accuracy
    print(f"{name:14}{how.median_px:8.2f}{how.mean_px:8.2f}{within:13.1%}{hidden:15.1%}")

# %% [markdown]
# "Within 1 px" is one of the measures of the TAP-Vid benchmark (on pictures scaled to 256x256). Two lessons. The mean
# is dominated by the few points that got lost, and the median does not see them: say which one you report. And "opencv"
# is good here because Toyland's objects are rigid, which is what its layers assume. On a video of people dancing, the
# order may be different. CoTracker, a network that the paper used, is available as "cotracker3-offline" (needs
# weights).
#
# ## 7. Wanted against measured
#
# Now we can judge. `motion.measure` follows points inside and outside every mask, and compares. Here is a video that is
# late: every frame is shown two frames after its time.

# %%
scene = harbour.scene()
late = harbour.video[np.maximum(np.arange(21) - 2, 0)]
report = motion.measure(late, scene)
print(report)

# %%
show.wanted_and_measured(report, late)

# %% [markdown]
# The dots lie on the lines: the *path* is right. The error on the right is not zero: the *time* is wrong. A measure
# that compares curves without their times would miss that. And read the verdict with care: it says "as asked", because
# its limit is generous, a quarter of the path. A yes or no hides what a number shows.
#
# ### Exercise 4: how much of the path
#
# An error in pixels does not say whether an object went too short a distance or somewhere else. Write `gain(wanted,
# measured)` for two paths (T, 2): the factor g for which g times the wanted path fits the measured path best, each
# counted from its own first frame. With a = wanted - wanted[0] and m = measured - measured[0], that is g = Σ a·m / Σ
# a·a.
#
# {{hints gain}}

# %% exercise gain
def gain(wanted, measured):
    """How much of the wanted path (T, 2) the measured one covers: 0 stayed, 1 went all the way."""
    ### BEGIN SOLUTION
    asked, went = wanted - wanted[0], measured - measured[0]
    return (asked * went).sum() / (asked**2).sum()
    ### END SOLUTION

# %% check gain
check.gain(gain)

# %%
boat = report["boat"]
asked, went = boat.wanted - boat.wanted[0], boat.measured - boat.measured[0]
print("by hand:", (asked * went).sum() / (asked**2).sum(), " the library:", boat.gain)
assert np.isclose((asked * went).sum() / (asked**2).sum(), boat.gain, atol=1e-3)

# %% [markdown]
# ## 8. The paper's second insight
#
# DragAnything starts from an observation about models that are given single *pixels*: what is near the dragged pixel
# follows, what is farther away follows less, even on the same object. The object is stretched like a rubber sheet.
#
# Lesson 6 measures our own models. Here we make a video with exactly that behaviour, so that the truth is known, and
# see whether our measure notices. The sheet moves fully at the dragged point and fades out with a Gaussian around it.

# %%
still = scene.copy()
for other in ("cloud", "house"):
    still.remove(other)
place = np.array(still["boat"].centre, np.float32)
still.update("boat", trajectory=[place, (place[0] + 9, place[1])])
rows, columns = np.mgrid[:80, :144].astype(np.float32)


def stretched(step, width=12.0):
    source = columns  # where each pixel of the new frame comes from; found by repetition
    for _ in range(20):
        weight = np.exp(-((source - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * width**2))  # 1 at the point
        source = columns - weight * step
    return cv2.remap(still.image, source.astype(np.float32), rows, cv2.INTER_LINEAR)


sheet = np.stack([stretched(t) for t in range(10)])  # the dragged point moves by one pixel per frame

# %%
from IPython.display import display

from draganything_lab import preview

whole = preview(still, 10, label=False)  # every pixel of the boat moves alike
show.strip({"Rubber sheet": sheet, "The whole boat (preview)": whole}, count=3)

# %%
for name, video in {"rubber sheet": sheet, "whole boat": whole}.items():
    found = motion.measure(video, still, tracker="lucas-kanade")  # the default assumes rigid objects
    curve = found.by_distance("boat")
    off, part = found["boat"].mean_error_px, found["boat"].coverage
    print(f"{name:13} dragged point off by {off:.2f} px, {part:.0%} came along, flatness {curve.flatness:.2f}")
    display(show.by_distance(curve, found["boat"]))

# %% [markdown]
# In both videos the dragged point itself arrives, or nearly does. Look at the squares, the points inside the mask. On
# the sheet their motion falls with the distance; the whole boat gives a flat line. *Flatness* is the lowest value
# inside the mask divided by the highest. This is the difference between dragging pixels and dragging entities, as one
# number, and lesson 6 uses it on real models. Note the tracker: the lab's own one sorts pixels into rigid objects. A
# rubber sheet is not rigid, and that tracker would see a cliff instead of a fade. So here each point is followed on its
# own. **A measure that assumes the answer cannot measure it.**
#
# ## What you have seen
#
# - You can follow a point by searching for what looks like it, or by solving for a small step.
# - Plain areas and edges cannot be followed, and a good tracker says so.
# - First measure a tracker against known motion. Mean, median and "within a pixel" tell different stories.
# - Obedience has several sides: path, time, share of the path, share of the object.
# - Motion plotted against distance tells a dragged object from a stretched sheet.
#
# **Go further.** Make the sheet wider (12.0 to 40.0): at which width does the measure no longer notice? Measure it with
# `tracker="opencv"`, too. Run `draganything-lab track --video your.mp4` on a video of your own.
#
# **What next.** Lesson 6 measures the models in these ways. Lesson 8 turns such numbers into claims.
