# title: Why entities
# summary: Is an object worth more than a point? The paper's claim as an experiment, and what no disc can say.
# minutes: 60
# gpu: the same, and the videos come faster
# download: nothing
# module: why_entities

# %% [markdown]
# # Lesson 6: Why entities
#
# {{badges}}
#
# Before DragAnything there was DragNUWA: draw a line, and the pixels at its start follow. DragAnything says that this
# is not enough, and also tells the model *which object* the line belongs to. Is that better? The paper says yes, with a
# table. In this lesson you ask the question yourself, on models that were made for it, and you find out what it takes
# to answer it.
#
# {{cost}}
#
# **You will learn**
#
# 1. what a point, a vector map, a Gaussian and an entity mark of an object, in numbers,
# 2. how large a Gaussian really is,
# 3. when a vector can tell an object from its neighbour, and when it cannot,
# 4. what none of them says, and how much it helps to say it,
# 5. to compare models on the same clips, pair by pair, with intervals,
# 6. to find the flaw in an experiment: here there is one, on purpose.
#
# **You should know** lesson 3 (the representations). Lesson 8 explains the bootstrap from the beginning.

# %% bootstrap

# %% [markdown]
# ## 1. The first insight: a point is not an object
#
# Here is the harbour, with the boat dragged, and what the paper's five representations mark of it in frame 0. (The
# vectors are mean colours here, as in lesson 3; where they are written does not depend on what they are.)

# %% studio

# %%
import numpy as np
from matplotlib import pyplot as plt

from draganything_lab import build_control, named_scene, show
from draganything_lab.control import REPRESENTATIONS
from draganything_lab.lessons import rivals
from draganything_lab.lessons.why_entities import check

scene = named_scene("harbour", size=(160, 288), num_frames=10).scene()
colours = np.stack([scene.image[entity.mask].mean(axis=0) for entity in scene.controlled])
papers = REPRESENTATIONS[:5]  # the sixth is ours: section 4
signals = {kind: build_control(scene, 10, representation=kind, vectors=colours) for kind in papers}
show.control_stack(signals, scene.image, count=3)

# %% [markdown]
# Two numbers say how well a mark matches the object: the share of the **object** that is marked, and the share of the
# **mark** that is on the object.
#
# ### Exercise 1: what is marked
#
# Write `told(marked, mask)` for two masks (H, W). It returns both shares, in this order.
#
# {{hints told}}

# %% exercise told
def told(marked, mask):
    """Share of the object that is marked, and share of the mark that is on the object."""
    ### BEGIN SOLUTION
    both = (marked & mask).sum()
    return both / mask.sum(), both / marked.sum()
    ### END SOLUTION

# %% check told
check.told(told)

# %%
print(f"{'':17}" + "".join(f"{entity.name:>22}" for entity in scene.controlled))
for kind, signal in signals.items():
    cells = []
    for number, entity in enumerate(scene.controlled, start=1):
        marked = signal.labels[0] == number  # (160, 288): the pixels that this entity owns
        both = (marked & entity.mask).sum()
        cells.append(f"{both / entity.mask.sum():9.0%} of it,{both / marked.sum():5.0%} on")
    print(f"{kind:17}" + "".join(f"{cell:>22}" for cell in cells))

# %% [markdown]
# The point is *on* the object, but marks next to nothing of it. The vector map's blur is as large for a bird as for a
# house: it reaches far, and spills over the edge. The disc of Gaussian and entity grows with the object and stays
# inside it, but it is still not the mask: the table shows how much of the boat, with its narrow parts, it never
# reaches. "Entity representation" is the paper's name for a vector in a disc, not for the pixels of an entity.
#
# ## 2. The second insight: what is nearer moves more
#
# Models that are given a pixel move what is near that pixel more than what is far away. (Lesson 5 makes such a rubber
# sheet by hand.) One reason can be seen without a model: the signal itself fades.
#
# How large is something that fades? A disc with a single value has an area. For a hill, we weight the pixels: the
# **effective size** is
#
# $$n = \frac{\left(\sum w\right)^2}{\sum w^2}.$$
#
# ### Exercise 2: effective size
#
# Write `effective(heat)` for an array (H, W) of values from 0 up.
#
# {{hints effective}}

# %% exercise effective
def effective(heat):
    """How many pixels a heat map counts for: for a disc with a single value, its area."""
    ### BEGIN SOLUTION
    weight = heat.astype(float)
    return weight.sum() ** 2 / (weight**2).sum()
    ### END SOLUTION

# %% check effective
check.effective(effective)

# %% [markdown]
# For a whole Gaussian the two sums are integrals, and n is 4π sigma². With sigma = 0.4 radius that is 0.64 of the disc.
# But the hill ends at the circle's edge. How much does that change? And how much is left at the size of the small
# model?

# %%
for size in ((320, 576), (128, 128)):
    small = scene.resized(size)
    for kind in ("point", "gaussian"):
        signal = build_control(small, 1, representation=kind)
        for number, entity in enumerate(small.controlled, start=1):
            weight = np.where(signal.labels[0] == number, signal.heat[0], 0).astype(float)
            pixels = weight.sum() ** 2 / (weight**2).sum()
            disc = (signal.labels[0] == number).sum()
            print(f"{size[1]}x{size[0]:3} {kind:9} {entity.name:6}: {pixels:7.1f} pixels, {pixels / disc:4.0%} of its disc")

# %% [markdown]
# A video model does not see pixels: it sees cells of 8x8 pixels. Compare the last rows with 64: at 128x128 pixels a
# hill counts for one or two cells, and a point for less than a tenth of one. So on the small model the representations
# may be closer to each other than on the real one. Keep that in mind when you read its numbers.
#
# Now the fading. For the pixels of the *cloud*, how does the strength of the signal depend on the distance from the
# dragged point?

# %%
cloud = scene["cloud"]
number = [entity.name for entity in scene.controlled].index("cloud") + 1
ys, xs = np.nonzero(cloud.mask)
distance = np.hypot(xs - cloud.path(10)[0, 0], ys - cloud.path(10)[0, 1])
fig, axes = plt.subplots(figsize=(7, 3))
for kind, colour in zip(("point", "trajectory", "gaussian", "entity"), ("#000000", "#E69F00", "#0072B2", "#009E73")):
    owned = signals[kind].labels[0][ys, xs] == number
    strength = owned * (1.0 if kind == "entity" else signals[kind].heat[0][ys, xs] / 255)
    rings = [strength[(distance >= r) & (distance < r + 2)].mean() for r in range(0, int(distance.max()) - 1, 2)]
    axes.plot(np.arange(len(rings)) * 2 + 1, rings, "o-", markersize=3, color=colour, label=kind)
axes.set(xlabel="distance from the dragged point (pixels)", ylabel="strength, mean over the ring")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# Only the entity's vector is equally strong out to the edge of its disc. The Gaussian fades inside it.
# "entity+gaussian" gives the network a flat plate and a marked middle. Beyond the disc there is no signal, and the
# network must know what a cloud is. That is what the vector is for.
#
# ## 3. What is it?
#
# The vector says *what* is dragged, so that attention can find it in the first frame. It helps only if different
# objects have different vectors. Which of the objects below would be confused with which?
#
# ### Exercise 3: the twin
#
# Write `twin(vectors)` for vectors (N, C): for each one, the index (0 to N - 1) of the *other* one that is most similar
# to it, by the cosine.
#
# {{hints twin}}

# %% exercise twin
def twin(vectors):
    """For each vector (N, C), the index of the most similar other one."""
    ### BEGIN SOLUTION
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -np.inf)
    return alike.argmax(axis=1)
    ### END SOLUTION

# %% check twin
check.twin(twin)

# %%
from draganything_lab.control import cosine_similarity, entity_vectors
from draganything_lab.lessons.weights import toy_features

worlds = {name: named_scene(name, (128, 128), 2).scene() for name in ("twins", "crossing", "harbour", "sky")}
names = [f"{world}: {entity.name}" for world, scene_ in worlds.items() for entity in scene_]
vectors = {"mean colour": np.stack([s.image[e.mask].mean(axis=0) / 127.5 - 1 for s in worlds.values() for e in s])}
features = toy_features()
if features is not None:
    vectors["diffusion"] = np.concatenate([entity_vectors(s, features, entities="all") for s in worlds.values()])
for what, table in vectors.items():
    alike = cosine_similarity(table, table) - 9 * np.eye(len(table))
    print(f"By {what}:")
    for place, row in enumerate(alike):
        print(f"  {names[place]:18} is most like {names[int(row.argmax())]:18} cosine {row.max():.3f}")

# %% [markdown]
# Look at the twins, two fish of one kind and colour. By colour, each is the other's nearest, and any good description
# should say so: they *are* alike. (If the features find another twin, they have also seen what is around the fish.)
# Such a vector cannot say which of the two goes where. Only the position can. So we should not expect much of the
# vector with look-alikes, but it may help with different objects that cross. That is a prediction, made before looking.
#
# ## 4. What none of them says
#
# Go back to the table of section 1. The disc covers a part of the boat. Sails, mast and flag lie outside it, and **none
# of the paper's representations says how far an object reaches**. The network has to guess. Yet whoever drags has
# already cut out the mask: the answer is known, and thrown away.
#
# So let us say it. In every frame we move the **whole mask** along the path. That says three things at once: which
# object owns each pixel; for each pixel, **the step back** to where its content was in the picture; and where something
# has left, so that the picture does not show what belongs there. This lab calls it `carry`. It is ours, not the
# paper's. By hand:

# %%
import cv2


def moved(mask, step):  # a mask (H, W), moved by (dx, dy) in pixels, fractions included
    shift = np.float32([[1, 0, step[0]], [0, 1, step[1]]])
    return cv2.warpAffine(mask.astype(np.float32), shift, mask.shape[::-1], flags=cv2.INTER_CUBIC) > 0.5


def carried(scene, frame, num_frames=10):
    owner, back = np.zeros(scene.size, int), np.zeros((*scene.size, 2))  # what stands still has a step of zero
    moving = {number: entity for number, entity in enumerate(scene.controlled, start=1) if not entity.pinned}
    back[np.any([entity.mask for entity in moving.values()], axis=0)] = np.nan  # the picture does not show it
    for number, entity in moving.items():
        path = entity.path(num_frames)
        here = moved(entity.mask, path[frame] - path[0])
        owner[here], back[here] = number, path[0] - path[frame]
    return owner, back

# %% [markdown]
# The library does the same, at any size, with cameras and moving backgrounds. It gives the steps back for the 8x8 cells
# in which the network works, at the middle of each cell and counted in cells.

# %%
carry = build_control(scene, 10, representation="carry", vectors=colours)
owner, back = carried(scene, 9)
assert (owner == carry.labels[9]).all()
ways = carry.ways(8)[9]  # (3, 20, 36): step in x, step in y, and whether it is known
cells = back[4::8, 4::8].transpose(2, 0, 1) / 8
assert np.allclose(np.nan_to_num(cells), ways[:2], atol=1e-4) and (np.isfinite(cells[0]) == (ways[2] > 0)).all()
print(f"the same; known in {np.mean(ways[2]):.1%} of the cells of the last frame")

# %%
fig, axes = plt.subplots(1, 3, figsize=(13, 2.7), layout="constrained")
for spot, labels, title in zip(axes, (signals["entity"].labels[9], owner), ("marked by discs", "by moved masks")):
    spot.imshow(labels, cmap="viridis", interpolation="nearest")
    spot.set_title(f"{title}, last frame")
axes[2].imshow(np.where(np.isnan(back[..., :1]), 0, named_scene("harbour", (160, 288), 10).video[9]))
ys, xs = np.nonzero(carry.labels[9][4::8, 4::8])
arrows = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.004, "color": "#D55E00"}
axes[2].quiver(4 + 8 * xs, 4 + 8 * ys, *(8 * ways[:2, ys, xs]), **arrows)
axes[2].set_title("the step back; black: it has left")
plt.setp(axes, xticks=[], yticks=[])
plt.show()

# %%
for number, entity in enumerate(scene.controlled, start=1):
    disc, mask = ((signal.labels[0] == number)[entity.mask].mean() for signal in (signals["entity"], carry))
    if not entity.pinned:
        print(f"{entity.name:6} marked by its disc {disc:4.0%}, by its moved mask {mask:4.0%}")

# %% [markdown]
# (The house is pinned. With `carry` it belongs to the backdrop: what stays has a step of zero.)
#
# ## 5. The same drag, six times
#
# The small model exists in all six representations. They share one network (the trunk), and each has its own embedding,
# which reads its arrays. We make three drags with each, with the same seed: twins that cross, two different objects
# that cross, and a large boat dragged by the left end of its hull.
#
# **What each one gets.** The trunk looks up in the first frame what belongs where, and a decoder then takes pixels from
# there (lesson 4 looks inside both). For the paper's five, the lookup *guesses* the position from points, hills and
# vectors, cell by cell; before the decoder takes pixels, neighbouring guesses are brought to agree, and one near the
# way of a drag takes that way. With `carry` the position of every pixel is given. So `carry` against the others is not
# a test of the paper's idea. It measures how much it helps to *say* how far an object reaches.

# %%
from draganything_lab.lessons.weights import trained_at

pipes, videos, seconds = rivals.pipelines(), {}, []
if pipes:
    size, num_frames = trained_at(next(iter(pipes.values())))[0], rivals.FRAMES
    hard = rivals.hard_scenes(size, num_frames)
    for title, wish in hard.items():
        for kind, pipe in pipes.items():
            videos[title, kind], took = rivals.timed(pipe, wish, seed=0)
            seconds.append(took)
    print(f"{len(videos)} videos of {num_frames} frames of {size[1]}x{size[0]}, {np.median(seconds):.1f} s each")

# %% [markdown]
# Where does each one's lookup point, and how far is that from where the content really was? One cell is 8 pixels.

# %%
for kind, pipe in pipes.items():
    off = np.concatenate([rivals.pointed_off(pipe, wish) for wish in hard.values()])
    print(f"{kind:16} median {np.median(off):5.1f} pixels off; {np.mean(off > 8):4.0%} of the cells more than a cell")

# %%
from draganything_lab import preview

if pipes:
    shown = (num_frames // 2, num_frames - 1)
    for title, wish in hard.items():
        columns = {"wanted (preview)": preview(wish, num_frames, label=False)}
        columns |= {kind: videos[title, kind] for kind in pipes}
        fig, axes = plt.subplots(2, len(columns), figsize=(13, 4.2), layout="constrained")
        for spots, (name, video) in zip(axes.T, columns.items()):
            spots[0].set_title(name, fontsize=10)
            for spot, frame in zip(spots, shown):
                spot.imshow(video[frame], interpolation="nearest")
                spot.set_axis_off()
        fig.suptitle(f"{title}: frames " + ", ".join(map(str, shown)))
        plt.show()

# %% [markdown]
# Look before you measure. Which column has the object where the first one has it? Does it still look like itself? Are
# there still two twins? One video with one seed proves nothing: what you have now is a set of guesses.
#
# ## 6. Dragging pixels, dragging entities
#
# Take the large boat. If a model drags *pixels*, the end of the hull comes along and the bow stays behind. The measures
# of lesson 5 show that: which share of the boat's pixels **came along**, whether the motion is **flat** over the
# distance from the dragged point (1) or fades (towards 0), and what **share of the path** the dragged spot went.

# %%
from draganything_lab import motion

if pipes:
    title = "large, at its edge"
    wish = hard[title]
    both = {"preview": preview(wish, num_frames, label=False), "frozen": np.stack([wish.image] * num_frames)}
    for kind, video in (both | {kind: videos[title, kind] for kind in pipes}).items():
        report = motion.measure(video, wish, tracker="dis")  # not the best tracker, but the quickest
        boat = report["boat"]
        flat = report.by_distance("boat").flatness
        print(f"{kind:16} came along {boat.coverage:4.0%}, flatness {flat:.2f}, share of the path {boat.gain:.2f}")

# %% [markdown]
# Read the two baselines first. The preview moves every pixel alike, so whatever it lacks to 100 % is an error of the
# measurement; the frozen video moves nothing. (Where nothing moved, flatness is undefined: nan.) Then read the others
# between them. Does any of the paper's five bring the boat to its goal? The boat is larger than anything in training,
# the dragged point is at its edge, and so is the disc (section 1), so each may pull away what is near the point and
# leave the rest. Two traps: flatness alone is high for a boat that goes nowhere near its goal as a whole, and a model
# *trained* on whole objects that move as one may drag entities by a point, because in its world nothing else ever
# happens. DragNUWA learned from real videos, where points do move alone.
#
# ## 7. A fair comparison, clip by clip
#
# Now we take several clips that no model was trained on, each with two or more dragged objects, and fix the rule before
# looking. Some clips are hard for every model. So we compare **pairs**: the same clip, the same seed, two
# representations, and the difference of their errors.
#
# ### Exercise 4: a paired interval
#
# Would other clips have said the same? We draw our N clips anew, with replacement, thousands of times, and see how the
# mean varies: the **bootstrap** (lesson 8 says more). Each row of `picks` (draws, N) is one such draw: the numbers of N
# clips, some twice, some not at all. Write `paired(a, b, picks)` for errors `a` and `b` (N,) of two models on the same
# clips. It returns the 2.5 % and the 97.5 % quantile of the draws' means of a minus b.
#
# {{hints paired}}

# %% exercise paired
def paired(a, b, picks):
    """The 95 % bootstrap interval of the mean difference a minus b on the same clips."""
    ### BEGIN SOLUTION
    means = (a - b)[picks].mean(axis=1)
    return np.quantile(means, 0.025), np.quantile(means, 0.975)
    ### END SOLUTION

# %% check paired
check.paired(paired)

# %% [markdown]
# How much does pairing help? Here are invented errors, for which we know the truth: b is better by exactly 1 on
# average.

# %%
rng = np.random.default_rng(6)
difficulty = rng.uniform(2, 14, 8)  # some clips are hard for both
a, b = difficulty + 1 + rng.normal(0, 0.5, 8), difficulty + rng.normal(0, 0.5, 8)
picks, others = rng.integers(8, size=(2, 4000, 8))
for name, means in {"in pairs": (a - b)[picks].mean(axis=1), "apart": a[picks].mean(1) - b[others].mean(1)}.items():
    low, high = np.quantile(means, (0.025, 0.975))
    print(f"{name:9} {low:6.2f} to {high:5.2f}")

# %% [markdown]
# The numbers are the same, but only one of the two intervals excludes 0. Now the models. The number of clips depends on
# the speed of your machine: the cell takes about a minute. The error is the model card's. Toyland knows what a dragged
# object looks like in every true frame. We search the generated frame for those of its pixels that frame 0 also shows;
# the error is the distance from the true position to the best fit, in per cent of the diagonal.

# %%
measured = {}
if pipes:
    count = rivals.how_many(float(np.median(seconds)), videos=len(pipes), budget=75)
    clips = rivals.crowded(count, size, num_frames)
    measured = rivals.compare(pipes, clips)
    print(f"{len(clips)} clips, one seed each; error in % of the diagonal")
    for name, values in measured["error"].items():
        print(f"{name:16} mean {values.mean():6.2f}   each clip " + " ".join(f"{value:6.2f}" for value in values))

# %% [markdown]
# First the paper's question, among the paper's five:

# %%
from draganything_lab.evaluate.metrics.intervals import few

if measured:
    found = rivals.differences({name: measured["error"][name] for name in ("frozen", *papers)})
    for a, b, low, high in found:
        print(f"{a:11} minus {b:16} {low:7.2f} to {high:6.2f}   {rivals.verdict(a, b, low, high)}")
    luck = 2 / 2 ** len(clips)
    print(*few(len(clips), "clips"), f"(if there is no real difference, all clips agree in {luck:.0%} of cases)")
    told_apart = [row for row in found if "frozen" not in row[:2] and not row[2] <= 0 <= row[3]]
    rows = sum("frozen" not in row[:2] for row in found)
    print(f"\nOf the {rows} pairs of representations, {len(told_apart)} are told apart on these clips.")

# %%
if measured:
    fig, axes = plt.subplots(figsize=(7, 3.8))
    pairs = [row for row in found if "frozen" not in row[:2]]
    for place, (_, _, low, high) in enumerate(pairs):
        axes.plot([low, high], [place, place], linewidth=3, color="#D55E00" if low > 0 or high < 0 else "#808080")
    axes.axvline(0, color="#808080", linewidth=1)
    axes.set(yticks=range(len(pairs)), yticklabels=[f"{a} minus {b}" for a, b, *_ in pairs])
    axes.set(xlabel="difference of the errors (% of the diagonal), 95 %")
    axes.set_title(f"Orange: excludes 0, on {len(clips)} clips")
    plt.show()

# %% [markdown]
# Say aloud what these intervals show, and what they do not. The bootstrap assumes that your few clips are all there is:
# where they happen to agree, it excludes 0, and the line above the plot says how often that is mere luck. With ten
# pairs it will happen to some of them. So take a few orange bars as a hint, not as proof: with three clips, even "does
# better" only means that it did so on these three. "Not told apart" does not mean equal, either. It means that this
# experiment was too small to see a difference, if there is one. And the error has a weakness of its own: it searches
# for an object's pixels, and cannot tell twins from each other.
#
# The model card measured the same on more clips, also in pairs. That is the table to quote:

# %%
for name, row in rivals.card_gaps().items():
    low, high = row["low"], row["high"]
    said = rivals.verdict(name, "entity+gaussian", low, high)
    print(f"{name:11} minus entity+gaussian {low:6.2f} to {high:5.2f}, {row['clips']} clips: {said}")

# %% [markdown]
# The paper's own table: 410.7 with neither, 339.3 with the Gaussian alone, 318.4 with the entity alone, 305.7 with both
# (ObjMC in pixels). It has no intervals and no seeds. Is your order the same? If not, that is a result, too.
#
# ## 8. How much it helps to say it
#
# Now `carry`, on the same clips, against each of the others and against the preview, which cuts out and moves. Three
# measures: the centre error; the likeness to the truth inside what moves (PSNR in dB, more is better); and the same
# where something has left, where the picture does not show what belongs there.

# %%
for measure, title in {"error": "centre error, %", "inside": "inside, dB", "left": "where it left, dB"}.items():
    if measured:
        told = measured[measure]["carry"]
        print(f"{title}: carry {np.nanmean(told):.2f}")
        for name, values in measured[measure].items():
            seen = np.isfinite(told + values) & (name != "carry")
            for _, _, low, high in rivals.differences({"carry": told[seen], name: values[seen]}) if seen.any() else ():
                said = rivals.verdict("carry", name, low, high, more_is_better=measure != "error")
                print(f"   {name:16} {values[seen].mean():6.2f}   carry minus it {low:6.2f} to {high:6.2f}   {said}")

# %% [markdown]
# And on the card's clips, in pairs, the likeness inside minus that of entity+gaussian:

# %%
for name, row in rivals.card_gaps(rivals.CARD_LOOKS).items():
    print(f"{name:11} {row['mean']:+6.2f} dB ({row['low']:+.2f} to {row['high']:+.2f}), {row['clips']} clips")

# %% [markdown]
# Read the preview's rows with care. It obeys by construction, so for an object that only shifts, no centre error can be
# smaller. What a model can add is what the preview cannot know: what is uncovered, soft edges, a shadow. Does `carry`
# beat the preview where something has left? Your few clips may not tell; here are the card's, in pairs:

# %%
for measure, row in rivals.card_over_preview().items():
    print(f"{row['mean']:+.2f} dB ({row['low']:+.2f} to {row['high']:+.2f}), {row['clips']} clips: {measure}")

# %% [markdown]
# And what do you see there in the pictures of section 5: is it sharp? What was never seen is *guessed*. The preview
# smears what is around a hole into it; `carry` has a network that learned to fill holes on drawn worlds whose hidden
# parts are known. It continues a road, but where there is much to invent its guesses are blurry, too. `carry` does not
# know whether an object turns or grows, either: a path does not say so.
#
# **Edges.** A mask says yes or no of each pixel, but along an outline a pixel shows both: some of the object, some of
# what is behind it. Moved as a whole, it takes a bit of the old backdrop along. So the lab parts such pixels first, for
# the preview and for `carry`: the colours on both sides of the edge are seen, and where between them the pixel's colour
# lies says how much of each it is. Here are the harbour's boat and cloud, cut out both ways, moved, and compared with the
# truth along their new outlines:

# %%
from draganything_lab.control.cuts import cut_layers, place_cut
from draganything_lab.media.filling import fill_holes
from draganything_lab.media.picture import psnr


def last_frame(scene, things, soft):  # all objects where their paths end, over the backdrop with its holes filled
    cut = cut_layers(scene.image, [thing.mask for thing in things], [True] * len(things), soft=soft)
    frame = fill_holes(cut.clean, cut.left).astype(float)
    for piece, thing in zip(cut.cuts, things):
        step = thing.path(10)[-1] - thing.path(10)[0]
        window, rgba = place_cut(piece, np.column_stack([np.eye(2), step]), scene.size)
        frame[window] = frame[window] * (1 - rgba[..., 3:]) + rgba[..., :3]
    return np.rint(frame).astype(np.uint8)


# %%
clip = named_scene("harbour", (160, 288), 10)
wish = clip.scene()
things = [entity for entity in wish.controlled if not entity.pinned]
for thing in things:
    there = (clip.labels[-1] == clip.labels[0][thing.mask][0]).astype(np.uint8)
    outline = cv2.dilate(there, np.ones((3, 3))) > cv2.erode(there, np.ones((3, 3)))
    for soft, how in ((False, "cut along its mask"), (True, "its edge parted")):
        print(f"{thing.name:6} {how:18} {psnr(clip.video[-1], last_frame(wish, things, soft), outline):.1f} dB")

# %% [markdown]
# **Hidden parts.** An object that stands behind another one, or reaches beyond the picture, is seen in part. Dragged out
# from there, it would arrive with a bite taken out of it. Toyland knows all of it, so the lab could train a network to
# guess the rest from what is seen: its shape and its colours. The preview does without; `carry` uses it. Here a bus
# leaves its place behind a balloon:

# %%
from draganything_lab.control.split import layers_of
from draganything_lab.toyland import Thing, World

away = np.linspace((70, 66), (150, 84), 10)
bus = Thing("bus", (60, 100, 210), (245, 205, 70), 3, 26.0, away)
balloon = Thing("balloon", (214, 60, 66), (250, 240, 220), 5, 26.0, np.repeat([[88.0, 58.0]], 10, 0), role="pinned")
clip = World("hills", 1, (128, 208), 10, (bus, balloon)).render()
wish = clip.scene()
there = clip.labels[-1] == 1  # where the bus truly is in the end

# %%
if pipes:
    row, decoder = [wish.image], pipes["carry"].decoder
    for complete in (None, decoder.complete):
        found = layers_of(wish, 10).carry(wish.image, [9], fill=decoder.fill, complete=complete)
        known = found.known[0][..., None] / 255
        row.append((known * found.pictures[0] + (1 - known) * found.filled[0]).astype(np.uint8))
        print(f"inside the bus: {psnr(clip.video[-1], row[-1], there):.1f} dB")
    fig, axes = plt.subplots(1, 4, figsize=(12, 2.3))
    titles = "the picture", "as far as it is seen", "completed", "the truth"
    for ax, frame, title in zip(axes, [*row, clip.video[-1]], titles):
        ax.imshow(frame)
        ax.set(title=title, xticks=[], yticks=[])
    plt.show()

# %% [markdown]
# It has seen many buses of Toyland, and much artwork. Of an object unlike all of these it guesses a smooth continuation.
# And it only knows what hides the bus because the balloon is an object of the scene, in front of the bus. In the studio,
# mark such an object, too, and pin it or leave it alone.
#
# ## 9. Find the flaw
#
# Before you believe a ranking, ask how the rivals were made. The first weights of this lab had a flaw that is easy to
# overlook: the trunk and the embedding of **entity+gaussian** were trained together, and only then did its four rivals
# get their own embeddings, as copies of that one, with less training on a trunk that was made for another. If
# entity+gaussian wins then, is it because of what it *says*, or because it was trained longer? Nobody can know. The two
# come together, and what comes together cannot be told apart: a **confounder**.
#
# The weights that you use were made differently: the paper's five on one trunk, with equally many clips of the same
# kind for each, in every step. That flaw is gone. Are there others? The layer with which the trunk looks up in the
# first frame what belongs where (lesson 4) was tuned on clips of entity+gaussian alone, and so were the rule that puts
# its guesses in order and the number of steps that the sampler takes. When that layer was added, the parts that read
# entity vectors were restarted, while the others went on: that puts the vectors at a disadvantage. And `carry` came
# last, and got half of all clips in the last training, as many as the other five together. So `carry` and the others
# differ in two ways: what they say, and how long they were trained. The five can be compared among themselves.
#
# An unfair comparison can still show something. If a representation wins *although* it was trained less, training
# cannot be the reason.
#
# ### Exercise 5: what you may claim
#
# Write `claims(results, steps)`. `results` is a list of (a, b, low, high), intervals of error a minus error b, `steps`
# says how long each was trained. It returns the list of (better, worse), in order, that is left if you only believe
# intervals without 0 in which the better one was trained **no longer** than the worse one.
#
# {{hints claims}}

# %% exercise claims
def claims(results, steps):
    """Pairs (better, worse) that neither chance nor longer training explains."""
    ### BEGIN SOLUTION
    kept = []
    for a, b, low, high in results:
        if low <= 0 <= high:
            continue
        better, worse = (b, a) if low > 0 else (a, b)
        if steps[better] <= steps[worse]:
            kept.append((better, worse))
    return kept
    ### END SOLUTION

# %% check claims
check.claims(claims)

# %%
if measured:
    for a, b, low, high in told_apart:
        better = b if low > 0 else a
        word = "trunk and sampler were chosen for it" if better == "entity+gaussian" else "trunk and sampler favour neither"
        if "entity+gaussian" in (a, b) and better != "entity+gaussian":
            word = "although trunk and sampler were chosen for the other"
        print(f"{rivals.verdict(a, b, low, high)}: {word}")
    if not told_apart:
        print("No two representations were told apart on these clips, so there is nothing to explain.")

# %% [markdown]
# How would you fix it? Choose the layer and the steps for each representation separately, with the same number of
# tries, on clips that are not in the table, and see whether the order stays the same. And ask the same of every table
# that you read: was the rival trained by those who wanted to beat it? On the same data? For as long? Chosen from the
# same number of tries? The paper's rival, DragNUWA, was trained by other people, on other data.
#
# ## What you have seen
#
# - A point marks next to nothing of an object, a disc marks more, and only a mask marks all of it.
# - A moved mask also says where everything came from, and where something has left. You have measured how much that
#   helps.
# - A Gaussian counts for less than its disc, and at a small size all marks shrink towards one cell.
# - A vector says what, if objects differ. Only their position tells look-alikes apart.
# - Compare on the same clips, in pairs; resample clips, not frames; say how many.
# - "Not told apart" is a result. So is a confounder that you found yourself.
#
# **Go further.** Give `rivals.compare` three seeds: `seeds=(0, 1, 2)`. Do the intervals shrink as much as with three
# times as many clips? Why not? Then run `motion.measure` on the point's own video of the twins, and see what it says
# about which fish is which.
#
# **What next.** Lesson 7 moves everything at once. Lesson 8 asks how much a number in a table can prove.
