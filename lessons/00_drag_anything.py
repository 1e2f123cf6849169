# title: Drag anything
# summary: From a picture to a video in five minutes: every step, once.
# minutes: 25
# gpu: the same; no step needs one
# download: nothing
# module: drag_anything

# %% [markdown]
# # Lesson 0: Drag anything
#
# {{badges}}
#
# You take a picture, you say "the boat goes *there*", and you get a video in which the boat goes there. This first
# lesson does that once, from beginning to end, and then measures whether the boat did what you asked.
#
# {{cost}}
#
# **You will learn**
#
# 1. to read a picture and the objects in it as a *scene*,
# 2. to say where each object should be in every frame, with a *trajectory*,
# 3. to see what a model is given: the *control signal*,
# 4. to make a video, first without a model and then with a small one,
# 5. to measure how far each object is from where you wanted it,
# 6. what a model makes of the same drag when it knows more.
#
# **You should know** a little Python: variables, functions, and what an array is.
#
# **How the exercises work.** You replace a line of three dots with your own code, run the cell, and run the check below
# it. The check says what is right, what is not, and what to try. Hints unfold. Nothing later depends on an exercise, so
# skip any you like.

# %% bootstrap

# %% [markdown]
# ## 1. A picture, and the objects in it
#
# Our pictures come from *Toyland*, a small drawn world. The computer drew it, so it knows exactly which pixel belongs
# to which object, and where every object goes.

# %% studio

# %%
import numpy as np

from draganything_lab import named_scene, show
from draganything_lab.lessons.drag_anything import check
from draganything_lab.toyland import gallery

clip = named_scene("harbour", size=(320, 576), num_frames=14)
scene = clip.scene()
print("Toyland has", ", ".join(gallery()))
print("picture:", scene.image.shape, scene.image.dtype, "(height, width, colours)")

# %% [markdown]
# A **mask** says which pixels belong to an object: a yes or a no for each pixel. Here are the masks of the three
# objects in the harbour, each with a number and a colour that it keeps throughout.

# %%
show.masks(scene)

# %%
for entity in scene:
    print(entity.name, entity.mask.shape, "pixels:", entity.area, "centre (x, y):", entity.centre)

# %% [markdown]
# Note the two orders, which confuse everybody once. Pictures and masks are arrays `(height, width)`: the **row** comes
# first. Points are `(x, y)`: the **column** comes first. Both count from the top left corner, and y grows *downwards*.
#
# ## 2. Where it should go
#
# A **trajectory** is a list of points. You give a few, and the lab finds the position in each frame between them. The
# harbour comes with trajectories of its own: the boat sails an arc, the cloud drifts to the left, and the house is
# *pinned*, which means that it should stay where it is. The dots are the frames, and the small numbers say which.

# %%
show.trajectories(scene)

# %% [markdown]
# ### Exercise 1: a straight line
#
# The simplest trajectory is a straight line at even speed. Write `line(start, end, num_frames)`. `start` and `end` are
# points (x, y) as arrays. It returns an array (num_frames, 2): the position in each frame, with the start in frame 0
# and the end in the last frame.
#
# {{hints line}}

# %% exercise line
def line(start, end, num_frames):
    """The position (x, y) in each frame on the path from start to end: (num_frames, 2)."""
    ### BEGIN SOLUTION
    share = np.linspace(0, 1, num_frames)[:, None]
    return start + share * (end - start)
    ### END SOLUTION

# %% check line
check.line(line)

# %% [markdown]
# The library's `Trajectory` does the same, and also draws curves, eases in and out, and stops at given frames:

# %%
from draganything_lab import Trajectory

way = Trajectory([(140, 240), (400, 120)]).at(num_frames=5)
by_hand = np.array([140, 240]) + np.linspace(0, 1, 5)[:, None] * np.array([260, -120])
assert np.allclose(way, by_hand, atol=1e-3)
print(way)

# %% [markdown]
# ## 3. What a model is given
#
# A neural network cannot read "the boat goes there". It needs numbers on the same grid as the picture, one grid for
# each frame. DragAnything compares several ways to write a drag into a grid. Two of them:
#
# - a **point**: a dot where the object should be,
# - a **Gaussian**: a soft hill there, as wide as the largest circle that fits into the object. (So a boat with narrow
#   parts gets a smaller one than a round cloud.)
#
# Look at both below. The dot says *where*. The hill says *where* and, roughly, *how large*.

# %%
from draganything_lab import build_control

control = {kind: build_control(scene, 14, representation=kind) for kind in ("point", "gaussian")}
show.control_stack(control, scene.image, count=3)

# %%
hill = control["gaussian"].heat  # (14, 320, 576), 0 to 255
print("shape:", hill.shape, " highest value in frame 0:", hill[0].max())

# %% [markdown]
# ## 4. A video without any model
#
# The **preview** cuts the boat out, moves it, and fills the hole that it leaves. No network is at work, and every frame
# says so. It obeys by construction, so we can compare others with it. Beside it is what Toyland itself draws for the
# same drag. Move the slider: both players always show the same frame.

# %%
from draganything_lab import preview

moved = preview(scene, 14)
show.side_by_side({"Preview: cut out and moved": moved, "Truth: drawn by Toyland": clip.video})

# %%
show.strip({"Preview": moved, "Truth": clip.video}, count=4)

# %% [markdown]
# Look closely at the sea where the boat was in frame 0. The preview has to *invent* what was behind the boat, and its
# invention is a blur. The truth has waves there. Filling such holes believably is one of the things a video model is
# for.
#
# ## 5. A video from a model
#
# Now a network makes the video. The lab comes with a small one. It has the same parts as the large one (lesson 4 opens
# it), it is quick on any laptop, and it makes small pictures. So we draw the harbour once more at its size. The model
# gets what the paper gives it: a Gaussian and a description of each object, in a disc on its path.

# %%
from draganything_lab.lessons.weights import toy_pipeline, trained_at

pipe = toy_pipeline()
if pipe is not None:
    size, num_frames = trained_at(pipe)
    small = named_scene("harbour", size=size, num_frames=num_frames)
    made = pipe(small.scene(), seed=0).frames
    print("the model's video:", made.shape)

# %%
if pipe is not None:
    from IPython.display import display

    at_model_size = {"Model": made, "Preview": preview(small.scene(), num_frames), "Truth": small.video}
    display(show.strip(at_model_size, count=6), show.side_by_side(at_model_size))

# %% [markdown]
# Compare the rows. Does the boat arrive? Does it still look like itself at the end? Is the house where it was? You have
# just asked the three questions of this whole field: does it obey, does it keep its looks, and what moved that should
# not?
#
# ## 6. Did it obey?
#
# We look for each object in every frame of a video, and measure how far it is, in pixels, from where it should be.
#
# ### Exercise 2: the mean error
#
# Write `mean_error(wanted, measured)`. Both are paths, (T, 2). It returns the mean, over the frames, of the distance
# between the two.
#
# {{hints mean_error}}

# %% exercise mean_error
def mean_error(wanted, measured):
    """The mean distance in pixels between two paths (T, 2)."""
    ### BEGIN SOLUTION
    return np.linalg.norm(measured - wanted, axis=1).mean()
    ### END SOLUTION

# %% check mean_error
check.mean_error(mean_error)

# %% [markdown]
# The library follows points on each object through the video (lesson 5 builds such a tracker) and computes this very
# number, over the frames after the first. The truth is measured in the same way: any error there is an error of the
# measurement itself.

# %%
from draganything_lab import measure

clean = preview(scene, 14, label=False)  # the word "preview" would disturb the tracker
for name, video in {"preview": clean, "truth": clip.video}.items():
    for entity in measure(video, scene).entities:
        way, error = entity.wanted_way, entity.mean_error_px
        print(f"{name}: {entity.number} {entity.name:<6} path {way:4.0f} px, mean error {error:.2f} px")

# %%
if pipe is not None:
    for name, video in {"model": made, "truth": small.video}.items():
        for entity in measure(video, small.scene()).entities:
            way, error = entity.wanted_way, entity.mean_error_px
            print(f"{name}: {entity.number} {entity.name:<6} path {way:4.0f} px, mean error {error:.2f} px")

# %% [markdown]
# (The second table is for the smaller picture, so its pixels are larger: compare rows within a table only.) A small
# error says that the object arrived, not that it still looks like itself: look at the strip again.
#
# ### Exercise 3: break it on purpose
#
# A measure is only useful if it notices when things go wrong. So make a video go wrong in a known way. Write
# `late(video, delay)`: the same video, but everything happens `delay` frames later. Until then, frame 0 is shown. The
# length stays the same.
#
# {{hints late}}

# %% exercise late
def late(video, delay):
    """The same video (T, H, W, 3), `delay` frames late, of the same length."""
    ### BEGIN SOLUTION
    return video[np.maximum(np.arange(len(video)) - delay, 0)]
    ### END SOLUTION

# %% check late
check.late(late)

# %%
one_late = clean[[0, *range(13)]]
for entity in measure(one_late, scene).entities:
    step = entity.wanted_way / 13
    print(f"{entity.number} {entity.name:<6} mean error {entity.mean_error_px:5.2f} px, a step is {step:.2f} px")

# %% [markdown]
# The house is not affected, because it stays where it is. The cloud and the boat are off by about one frame's step. The
# measure notices.
#
# ## 7. The same drag, with more information
#
# A disc on the path does not say how far the boat reaches: where the sails end, and that the flag belongs to it. The
# masks of section 1 do. The lab has a representation of its own, `carry`, which gives the model the whole moved mask
# (lessons 3 and 6 build it). Where the picture already shows what belongs somewhere, its pixels are taken from there.

# %%
sharp = toy_pipeline("carry")
if sharp is not None:
    told = sharp(small.scene(), seed=0).frames
    rows = {"Given a disc (the paper's)": made, "Given the whole mask (carry)": told, "Truth": small.video}
    display(show.strip(rows, count=5))

# %%
if sharp is not None:
    for entity in measure(told, small.scene()).entities:
        way, error = entity.wanted_way, entity.mean_error_px
        print(f"carry: {entity.number} {entity.name:<6} path {way:4.0f} px, mean error {error:.2f} px")

# %% [markdown]
# Now look where the boat and the cloud have *been*. No pixel of the picture shows what they covered. There the model
# must invent, and what a small model invents is blurred.
#
# ## 8. Your turn
#
# Send the boat somewhere else. Change the points, run the cell, and watch. Only the *movement* from the first point on
# counts, wherever on the boat you begin; a single point means "stay". Try a path that leaves the picture. (With `carry`
# the frames can be larger than what the networks see: the pixels come from the picture.)

# %%
scene.update("boat", trajectory=[(140, 240), (300, 280), (460, 230)])
yours = {"Preview": preview(scene, 14)}
if sharp is not None:
    yours["Model"] = sharp(scene, seed=0, decode_size=(256, 460)).frames
show.side_by_side(yours)

# %% [markdown]
# ## What you have seen
#
# - A **scene** is a picture and its entities; an entity has a mask and a trajectory.
# - A trajectory gives one point `(x, y)` for each frame; arrays are `(row, column)`.
# - The **control signal** writes the drag onto the picture's grid, frame by frame.
# - The **preview** obeys by construction, and shows what is still missing: what was behind the boat.
# - An error in pixels only means something beside the error of the measurement.
# - The more a model is given, the less it must guess. What nobody can give it, it must invent.
#
# **Go further.** Your own photograph, from a terminal:
#
#     draganything-lab demo --image photo.jpg --point 320,180 --path "320,180 420,150 500,140"
#
# **What next.** Lesson 1 finds out which pixels belong to an object. Read the paper alongside: Wu et al.,
# *DragAnything: Motion Control for Anything using Entity Representation* (arXiv 2403.07420), section 3.
