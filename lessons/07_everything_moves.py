# title: Everything moves
# summary: Things, backgrounds, cameras, turning, growing, timing, and what goes wrong.
# minutes: 60
# gpu: the same; no step needs one
# download: nothing
# module: everything_moves

# %% [markdown]
# # Lesson 7: Everything moves
#
# {{badges}}
#
# So far, only a boat has moved. But you can ask for more: the sea moves and the boat stands still, or everything moves
# at once, or the camera moves closer. The paper shows four uses. In this lesson you try all of them, see that a camera
# is nothing but tracks, let objects turn, grow and wait, and then look honestly at what goes wrong.
#
# {{cost}}
#
# **You will learn**
#
# 1. to drag the foreground, the background, both, and the camera,
# 2. to turn a zoom into tracks, and tracks back into a zoom,
# 3. why moving objects leave holes, and how large they are,
# 4. to ask for more than a line: a turn, a size and a pace, and to measure them,
# 5. to recognise six kinds of failure, and say where each comes from,
# 6. to steer a model by a preview and two clocks, without training.
#
# **You should know** lesson 0 and numpy; for section 2, complex numbers and what least squares are.

# %% bootstrap

# %% [markdown]
# ## 1. Four uses
#
# The same harbour, four drags. Each is one call on the scene.

# %% studio

# %%
import numpy as np

from draganything_lab import Scene, named_scene, preview, show
from draganything_lab.lessons.everything_moves import check
from draganything_lab.scene import Entity

harbour = named_scene("harbour", size=(160, 288), num_frames=10).scene()


def fresh():  # the boat and the house, and no drag yet
    return Scene(harbour.image, [Entity(name, harbour[name].mask) for name in ("house", "boat")])


scenes = {"foreground": fresh(), "background": fresh(), "both": fresh(), "camera": fresh()}
scenes["foreground"].drag_foreground("boat", [(54, 125), (180, 130)])
scenes["background"].drag_background([(150, 60), (90, 60)])
scenes["both"].drag_both("boat", [(54, 125), (180, 130)], [(150, 60), (90, 60)])
scenes["camera"].drag_camera(zoom=1.6)
show.strip({name: preview(scene, 10) for name, scene in scenes.items()}, count=3)

# %% [markdown]
# Look at the second row: sky and sea go to the left, the boat and the house stand still. That is because
# `drag_background` **pins** whatever has no path of its own. Without pins, a model may move the object or the camera
# instead; users of the released code reported just that. (At the right edge the preview repeats the last column, and
# the sun becomes a stripe. Nobody knows what is beyond the picture.)

# %%
for name, scene in scenes.items():
    print(f"{name:10}", ", ".join(f"{e.name}{' (pinned)' if e.pinned else ''}" for e in scene.controlled))

# %% [markdown]
# ## 2. A camera is nothing but tracks
#
# "camera 1" to "camera 4": the model has no input called *camera*. It only knows entities with tracks. So a camera that
# moves closer is written as four points that move away from the middle.
#
# ### Exercise 1: a zoom
#
# Write `zoomed(points, factor, centre)`: where points (N, 2) are after a zoom by `factor` about `centre`.
#
# {{hints zoomed}}

# %% exercise zoomed
def zoomed(points, factor, centre):
    """Points (N, 2) after a zoom about a centre (x, y)."""
    ### BEGIN SOLUTION
    return centre + factor * (points - centre)
    ### END SOLUTION

# %% check zoomed
check.zoomed(zoomed)

# %%
from draganything_lab.scene import anchor_grid, zoom

anchors = anchor_grid((160, 288), 4)  # (4, 2)
middle = np.array([143.5, 79.5])
ends = np.array([track.at(10)[-1] for track in zoom((160, 288), 1.6, anchors=4)])
assert np.allclose(middle + 1.6 * (anchors - middle), ends, atol=1e-3)
show.trajectories(scenes["camera"], 10)

# %% [markdown]
# Each track is an entity, and an entity needs a mask. Whose pixels are whose? Each pixel belongs to the **nearest**
# anchor.
#
# ### Exercise 2: cells
#
# Write `nearest(size, anchors)`. It returns an array (H, W): for each pixel, the index (from 0) of the nearest of the
# anchors (N, 2), which are (x, y).
#
# {{hints nearest}}

# %% exercise nearest
def nearest(size, anchors):
    """For each pixel of a picture (H, W), the index of the nearest anchor (x, y)."""
    ### BEGIN SOLUTION
    ys, xs = np.mgrid[: size[0], : size[1]]
    distance = (xs[..., None] - anchors[:, 0]) ** 2 + (ys[..., None] - anchors[:, 1]) ** 2
    return distance.argmin(axis=-1)
    ### END SOLUTION

# %% check nearest
check.nearest(nearest)

# %%
show.masks(scenes["camera"])

# %% [markdown]
# The boat and the house lie in cells and move with them. Give the boat a path of its own, and its pixels are cut out of
# the cell.
#
# **And back again.** Given tracks, what did the camera do? With points as complex numbers x + iy, a zoom by s and a
# roll by an angle are one multiplication by s·e^(i·angle). The least-squares number is found by one division.
#
# ### Exercise 3: zoom and roll
#
# Write `similarity(start, end)` for points (N, 2). It returns (zoom, roll in degrees). Subtract the mean of each set
# first, so that a shift does not count.
#
# {{hints similarity}}

# %% exercise similarity
def similarity(start, end):
    """The zoom and the roll (degrees) that carry points (N, 2) best to other points, whatever the shift."""
    ### BEGIN SOLUTION
    here, there = start @ np.array([1, 1j]), end @ np.array([1, 1j])
    here, there = here - here.mean(), there - there.mean()
    turn = (np.conj(here) * there).sum() / (np.abs(here) ** 2).sum()
    return abs(turn), np.degrees(np.angle(turn))
    ### END SOLUTION

# %% check similarity
check.similarity(similarity)

# %%
from draganything_lab.scene import fit_similarity

matrix = fit_similarity(anchors, ends)
print("the library's matrix:\n", matrix.round(3))
print("zoom", np.hypot(matrix[0, 0], matrix[1, 0]).round(3))

# %% [markdown]
# ## 3. Holes
#
# When an object moves, it uncovers something that no frame has shown so far.
#
# ### Exercise 4: what is uncovered
#
# Write `uncovered(mask, dx, dy)`: the pixels that the object covered and, moved by whole pixels (dx, dy), no longer
# covers. What moves out of the picture is gone.
#
# {{hints uncovered}}

# %% exercise uncovered
def uncovered(mask, dx, dy):
    """Pixels that an object uncovers when it moves by (dx, dy): a mask (H, W)."""
    ### BEGIN SOLUTION
    ys, xs = np.nonzero(mask)
    ys, xs = ys + dy, xs + dx
    inside = (ys >= 0) & (ys < mask.shape[0]) & (xs >= 0) & (xs < mask.shape[1])
    moved = np.zeros_like(mask)
    moved[ys[inside], xs[inside]] = True
    return mask & ~moved
    ### END SOLUTION

# %% check uncovered
check.uncovered(uncovered)

# %% [markdown]
# How well are such pixels invented? Toyland knows the truth. We compare the preview with it, where the boat was and
# elsewhere, frame by frame.

# %%
from matplotlib import pyplot as plt

clip = named_scene("harbour", size=(160, 288), num_frames=10)
made = preview(clip.scene(), 10, label=False)
masks = clip.masks[2]  # the boat, (10, 160, 288)
error = np.abs(made.astype(int) - clip.video).mean(axis=3)  # (10, 160, 288), grey levels
hole = [error[t][masks[0] & ~masks[t]].mean() if (masks[0] & ~masks[t]).any() else 0 for t in range(10)]
rest = [error[t][~masks[0] & ~masks[t]].mean() for t in range(10)]
fig, axes = plt.subplots(figsize=(6, 2.8))
axes.plot(hole, "o-", color="#D55E00", label="where the boat was")
axes.plot(rest, "o-", color="#0072B2", label="elsewhere")
axes.set(xlabel="frame", ylabel="error (grey levels of 255)")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# In the holes the error is about twenty times as large as elsewhere, and yet only two or three grey levels of 255:
# behind this boat is mostly plain water, and a blur of what is around it comes close. With something detailed there, it
# would not. Holes are where a video model can show what it has learned.
#
# ## 4. Many at once
#
# The order decides which object is in front. In "crossing" the car drives in front of the bus; `reorder` reverses that.

# %%
crossing = named_scene("crossing", size=(160, 288), num_frames=10).scene()
turned = crossing.copy()
turned.reorder("car", 0)  # the farthest
show.strip({"the car in front": preview(crossing, 10), "the bus in front": preview(turned, 10)}, count=3)

# %% [markdown]
# ## 5. More than a line
#
# A path says where. How an object turns and grows on its way is another number each, for each key point: an angle and a
# size. And the number from section 2 says both at once: a point of the object, seen from the path, is multiplied by
# size · e^(i·angle). By hand, for the top of the mast:

# %%
from draganything_lab.scene import Trajectory, approach, sway

path = Trajectory([(54, 125), (180, 130)], angles=[0, 30], sizes=[1, 0.5])  # degrees, clockwise; factors
share = np.linspace(0, 1, 10)
angle, size = 30 * share, 0.5**share  # smaller by the same percentage in each frame
turn = size * np.exp(1j * np.radians(angle))
places = path.at(10) @ np.array([1, 1j])  # (10,) the path, x + iy
mast = 54 + 90j
by_hand = places + turn * (mast - places[0])
assert np.allclose(path.motion(10) @ (54, 90, 1), np.stack([by_hand.real, by_hand.imag], axis=1), atol=1e-4)

# %% [markdown]
# The third number is time. A **pace** says at which share of the time the object has gone which share of its path. Here
# the boat waits for half of the clip and then runs. A pace may even fall: then it goes back along its path.

# %%
paths = {
    "away, heeling": path,
    "nearer": approach((54, 125), (150, 118), factor=1.6),
    "rocking at anchor": sway((54, 125), degrees=12, swings=2),
    "waits, then runs": Trajectory([(54, 125), (180, 130)], pace=[(0, 0), (0.5, 0), (1, 1)]),
}
asked = {name: fresh() for name in paths}
for name, scene in asked.items():
    scene.drag_foreground("boat", paths[name])
show.strip({name: preview(scene, 10) for name, scene in asked.items()}, count=4)

# %% [markdown]
# "Nearer" grows slowly at first and then faster, as perspective has it: an object at distance z has the size 1 / z.
#
# **Did it turn?** Points inside the boat are tracked (lesson 5), and `similarity` from exercise 3 tells how they turned
# and grew, frame by frame. The motion report does this with points that disagree weighed less. The first video is the
# preview of the same drag; the second one only follows the path:

# %%
from draganything_lab.motion import measure

scene, stiff = asked["away, heeling"], fresh()
stiff.drag_foreground("boat", path.points)
for name, wish in {"turns": scene, "only moves": stiff}.items():
    pose = measure(preview(wish, 10, label=False), scene)["boat"].pose
    off = f"off by {pose.mean_turn_error:4.1f}° and {pose.mean_size_error_percent:4.1f} % on average"
    print(f"{name:11} last frame: {pose.measured_turn[-1]:5.1f}° of {pose.wanted_turn[-1]:.0f}°; {off}")

# %% [markdown]
# Whether a *model* hears it is another question: a disc can grow but looks the same however it turns, while a mask can
# do both (lesson 3). We will see below.
#
# ## 6. What goes wrong
#
# Five drags that do not end as hoped, each for its own reason. Look first, then read.

# %%
meadow = named_scene("meadow", size=(160, 288), num_frames=10).scene()
far, half, through, large, alive = harbour.copy(), harbour.copy(), crossing.copy(), harbour.copy(), meadow.copy()
far.update("boat", trajectory=[(54, 125), (330, 125)])
half.update("boat", mask=harbour["boat"].mask & (np.mgrid[:160, :288][0] > 112))
through.update("car", trajectory=[(58, 112), (220, 40)])
large.drag_camera(zoom=3.0)
alive.update("butterfly", trajectory=[(86, 67), (200, 40)])
wishes = {"1 out of the picture": far, "2 half a mask": half, "3 a car in the sky": through, "4 a large zoom": large}
wishes["5 no wing beats"] = alive
show.strip({name: preview(scene, 10) for name, scene in wishes.items()}, count=3)

# %% [markdown]
# 1. **Out of the picture.** It obeys. But the boat cannot return: once it is outside, nothing remembers it.
# 2. **Half a mask.** The hull sails off and leaves its sails behind. This is the most common failure, and it starts
#    with the mask (lesson 1).
# 3. **A car in the sky.** The preview obeys any drag. A trained model has seen where cars drive, and may refuse, or
#    bend the road. Obedience and plausibility are different things.
# 4. **A large zoom.** Pixels cannot be enlarged threefold without blur. A model may invent detail, but is it the right
#    detail? And the house, which is pinned, stays as small as it was: the two requests contradict each other.
# 5. **No wing beats.** The butterfly is pushed like a sticker. One track per object says nothing about legs and wings.
#    The paper's own pictures show this for people, too. A turn would turn the whole sticker.
#
# Now the small model, if it is here: the same crossing at its own size, a background and a camera. Once it gets a disc
# for each object, as in the paper, and once the whole moved mask (`carry`, lesson 6). Which of the five failures do you
# see?

# %%
from draganything_lab.lessons.weights import toy_pipeline, trained_at

pipes = {"disc": toy_pipeline(), "carry": toy_pipeline("carry")}
rows = {}
if None not in pipes.values():
    size, num_frames = trained_at(pipes["carry"])
    for name in ("crossing", "ferry", "landing"):  # two objects; the background; the camera
        world = named_scene(name, size=size, num_frames=num_frames)
        rows[f"{name}: wanted"] = world.video
        rows |= {f"{name}: made, {kind}": pipe(world.scene(), seed=0).frames for kind, pipe in pipes.items()}

# %%
if rows:
    from IPython.display import display

    display(show.strip(rows, count=3))

# %%
from draganything_lab.media.picture import psnr

for name, video in rows.items():
    world, _, told = name.partition(": made, ")
    if told:
        truth = rows[f"{world}: wanted"]
        print(f"{world:9} {told:6} {psnr(truth[1:], video[1:]):5.1f} dB against the truth (PSNR; more is better)")

# %% [markdown]
# And does it hear a turn? The ball in the meadow rolls. Toyland's scene asks for that, unless we tell it not to:

# %%
if rows:
    rolling = named_scene("meadow", size=size, num_frames=num_frames)
    for words, wish in {"asked": rolling.scene(), "not asked": rolling.scene(poses=False)}.items():
        for kind, pipe in pipes.items():
            ball = measure(pipe(wish, seed=0).frames, rolling.scene())["ball"].pose
            print(f"turn {words:9} {kind:6} the ball's angle is off by {ball.mean_turn_error:4.0f}° on average")

# %% [markdown]
# A mask that turns is heard: the ball rolls as it was asked to. A disc looks the same whether it turns or not, so asking
# changes nothing, and the ball is pushed along.
#
# With a disc, it fails in none of the five ways, but in a sixth: what crosses, what is uncovered and, with a moving
# camera, much of what is new **smears**. Nothing is wrong with the drag, the masks or the order. The network has to
# guess how far each object reaches and where everything came from. With the moved mask it need not guess, and what the
# picture shows stays sharp. The sixth failure remains only where something is uncovered: behind the car, and at the
# edge where the picture ends. There it must invent, and what it invents is blurry. (The model card shows the best, the
# median and the worst clips.)
#
# ## 7. Without training
#
# All this time a ControlNet told the model where things go, and it had to be trained. Is there a way without? The
# preview is already there: it obeys, and only looks cut out. **Time-to-Move** (2025) takes any model that makes videos
# from pictures and begins not with noise but with the preview, as latents, under noise of a level sigma:
#
# $$x = x_{\mathrm{preview}} + \sigma n.$$
#
# The more noise, the more the model may change. Where is how much right? What you dragged should stay where you put it;
# the rest should be made to fit. So there are **two clocks**, counted in steps of the sampler. Until the weak clock
# ends, nothing is denoised: everything follows the preview. Until the strong clock ends, what moves is overwritten
# after each step by the preview, with as much noise as is left. After that, all is free.
#
# The small model takes two steps, so a clock has three positions: 0 (never), 0.5 and 1 (to the end). Below, the
# ControlNet is switched off, and all but the last are decoded by the VAE alone, without the reference decoder.

# %%
free = toy_pipeline("cut-and-drag")
if rows and free is not None:
    world = named_scene("crossing", size=size, num_frames=num_frames)
    wish = world.scene()
    clocks = {"no clock": (0, 0), "the weak one": (0.5, 0.5), "both": (0.5, 1), "to the end": (1, 1)}
    made = {"wanted": world.video, "preview": preview(wish, num_frames, label=False)}
    for name, pair in clocks.items():
        made[name] = free(wish, seed=0, clocks=pair, with_reference=False).frames
    made["both, decoder"] = free(wish, seed=0, clocks=(0.5, 1)).frames
    fig, axes = plt.subplots(2, len(made), figsize=(10, 3.3), layout="constrained")
    for spots, (name, video) in zip(axes.T, made.items()):
        spots[0].set_title(name, fontsize=9)
        for spot, frame in zip(spots, (num_frames // 2, num_frames - 1)):
            spot.imshow(video[frame], interpolation="nearest")
            spot.set_axis_off()
    plt.show()

# %% [markdown]
# Measured as in lesson 6: how far the objects are from where they belong, how much they look like the truth, and the
# same where they have left. The disc and the moved mask are beside them, from above.

# %%
from draganything_lab.lessons import rivals

if rows and free is not None:
    made |= {kind: rows[f"crossing: made, {kind}"] for kind in pipes}
    for name, video in list(made.items())[1:]:
        inside, left = rivals.likeness(video, world)
        error = rivals.dragged_error(video, world, wish)
        print(f"{name:13} off {error:5.2f} % of the diagonal, inside {inside:4.1f} dB, where they left {left:4.1f} dB")

# %% [markdown]
# Read it from the top. With no clock nothing steers, and nothing obeys. With the weak one the model sets out from the
# right place, and in the one step that it is given it smears what moves: `toy`'s UNet never learned to work without its
# ControlNet. With both, objects keep more of their looks. "To the end" is nothing but the preview through the VAE: the
# model adds nothing. Where that is best, denoising did harm, and inside of what moves it can hardly help here, since
# Toyland's truth *is* cut out and moved. Where objects have left, the preview only guesses, and the model may guess
# better. A large model knows far more than this one, so the authors let SVD begin after a third of its steps, and free
# what moves after two fifths.
#
# The reference decoder takes its pixels from the picture, by the drag's own ways, as with `carry`: its row says more
# about the decoder than about the clocks. What no clock can do is to correct a mask, or to show a side of an object
# that the picture does not show.
#
# ## What you have seen
#
# - Four uses, one idea: entities with tracks. Backgrounds and cameras are entities, too.
# - Pins hold what should stay.
# - Zoom and roll are one complex number, which tracks give back.
# - What an object uncovers must be invented.
# - A path can carry a turn, a size and a pace, and the report measures whether they came out.
# - Failures have reasons: the mask, the order, the drag itself, the size, what one track cannot say, and what the model
#   was not given.
# - A preview and noise steer a model without a ControlNet; two clocks say how long each region follows.
#
# **Go further.** Pan and zoom at once: `drag_camera(pan=(-40, 0), zoom=1.3)`. Give the boat a path that moves with the
# camera. Find a seventh kind of failure, and name it.
#
# **What next.** Lesson 8 asks how to prove that any of this works.
