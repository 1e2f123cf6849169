# title: Does it work?
# summary: What a number in a table means, and what it takes to believe it.
# minutes: 60
# gpu: the same; no step uses one
# download: nothing (real FID and FVD would need the networks' weights; the lesson says where)
# module: does_it_work

# %% [markdown]
# # Lesson 8: Does it work?
#
# {{badges}}
#
# "Ours: 305.7. Theirs: 324.6." Papers end with tables like this. What do such numbers mean? In this lesson you rebuild
# the three kinds of evidence that the paper gives, an error of motion (ObjMC), distances between sets of videos (FID
# and FVD) and a user study, and you find out how much each of them can prove.
#
# {{cost}}
#
# **You will learn**
#
# 1. to compute ObjMC with two protocols, and see why their numbers cannot be compared,
# 2. to put every number between two baselines,
# 3. what FID and FVD measure, and what too few samples do to them,
# 4. to draw an interval around a number without any formula,
# 5. to run a blind study with your class, and to say whether its result could be chance.
#
# **You should know** numpy. Lesson 5 shows where the measured paths come from.

# %% bootstrap

# %% [markdown]
# ## 1. Four videos
#
# The harbour again. Four videos of the same drag: the true one, one that is a frame late, one that does nothing, and
# the preview, which cuts out and moves. We know how good each one is. A useful measure should know, too.

# %% studio

# %%
import math

import numpy as np

from draganything_lab import named_scene, preview, show
from draganything_lab.lessons.does_it_work import check
from draganything_lab.toyland import sample_clip

clip = named_scene("harbour", size=(80, 144), num_frames=10)
scene = clip.scene()
videos = {
    "true": clip.video,
    "late": clip.video[[0, *range(9)]],
    "frozen": clip.video[[0] * 10],
    "preview": preview(scene, 10, label=False),  # without the word on it, which would disturb the tracker
}
show.strip({"true": videos["true"], "late": videos["late"]}, count=4)

# %% [markdown]
# ## 2. ObjMC, as released
#
# ObjMC asks: how far are the objects from where they should be? The released script takes one tracked point for each
# object, cuts all coordinates to whole pixels, and takes the mean distance over all points and all frames.
#
# ### Exercise 1: the released number
#
# Write `released(measured, wanted)` for paths (T, N, 2): frames, objects, (x, y).
#
# {{hints released}}

# %% exercise released
def released(measured, wanted):
    """ObjMC of the released script in pixels: whole pixels, all points, all frames."""
    ### BEGIN SOLUTION
    return np.linalg.norm(np.trunc(measured) - np.trunc(wanted), axis=-1).mean()
    ### END SOLUTION

# %% check released
check.released(released)

# %% [markdown]
# Now look at what this number depends on. Here is the same late video, drawn at two and at four times the size. Nothing
# about the motion has changed. (We track with OpenCV's DIS flow here, because it is quick.)

# %%
from draganything_lab.evaluate.metrics import objmc

for size in ((80, 144), (160, 288), (320, 576)):
    larger = named_scene("harbour", size=size, num_frames=10)
    how = objmc(larger.video[[0, *range(9)]], larger.scene(), tracker="dis")
    print(f"{size[1]}x{size[0]:3}: released {how.released:6.2f} px, ours {how.mean:5.2f} % of the diagonal", end="")
    print(f"   ({how.counted[1:].mean():.0%} of the points counted)")

# %% [markdown]
# The released number grows with the picture, because it counts pixels. And there is more: a point that the tracker lost
# counts like any other, and so does frame 0, in which every video is perfect. So the lab has a second protocol. It
# counts only what is seen and should be inside the picture, leaves out frame 0, and gives **per cent of the diagonal**.
#
# It is not a perfect yardstick either. It would be the same at every size if the tracker saw the same. But the tracker
# loses an object here and there, and what is lost is not counted. If that happens to the object that is farthest off,
# the error looks *better*. So read it together with the share in brackets: **an error without its share of counted
# points flatters.**
#
# ### Exercise 2: ours
#
# Write `ours(measured, wanted, counted, size)`. `counted` (T, N) says what counts, `size` is (H, W).
#
# {{hints ours}}

# %% exercise ours
def ours(measured, wanted, counted, size):
    """Mean distance over what counts, in per cent of the picture's diagonal."""
    ### BEGIN SOLUTION
    off = np.linalg.norm(measured - wanted, axis=-1)[counted]
    return 100 * off.mean() / math.hypot(*size)
    ### END SOLUTION

# %% check ours
check.ours(ours)

# %%
how = objmc(videos["late"], scene, tracker="dis")
off = np.linalg.norm(how.measured - how.wanted, axis=-1)[how.counted]
print("by hand:", 100 * off.mean() / math.hypot(80, 144), " the library:", how.mean)
assert np.isclose(100 * off.mean() / math.hypot(80, 144), how.mean)

# %% [markdown]
# ## 3. Between two baselines
#
# Is the late video's number good? On its own it says nothing. A frozen video shows what doing nothing costs. The
# preview, in which every pixel obeys, shows what the *tracker* gets wrong, and so does the true video. Other videos lie
# between the two, give or take that error of the measurement.

# %%
print(f"{'video':8} {'ours':>9} {'released':>12} {'obeyed':>8}")
for name, video in videos.items():
    how = objmc(video, scene, tracker="dis")
    print(f"{name:8} {how.mean:7.2f} % {how.released:9.2f} px {abs(how.obeyed):8.0%}")

# %% [markdown]
# "Obeyed" is 1 minus the error divided by the frozen video's error: 0 % for doing nothing, 100 % for perfect. Even the
# true video does not reach 100 %: that gap is the error of the measurement.
#
# **The same model, four numbers.** DragAnything's paper gives 305.7. A later paper measured the released model again,
# three times, each with a different reading of what ObjMC means. Here are the numbers, with what is known of the
# protocol:

# %%
import textwrap

from draganything_lab.evaluate.metrics import PUBLISHED, Table

same = [row for row in PUBLISHED if row.model == "DragAnything" and row.protocol.name.startswith("ObjMC")]
for row in same:
    print(f"{row.value:7.1f}   " + textwrap.fill(str(row.protocol), 100, subsequent_indent=" " * 10))
print(f"largest over smallest: {max(row.value for row in same) / min(row.value for row in same):.1f}")

# %% [markdown]
# Several numbers for the same model. That is why the lab's tables refuse to rank numbers from different protocols:

# %%
try:
    Table(PUBLISHED).only("ObjMC").ranked()
except ValueError as refused:
    print(refused)

# %% [markdown]
# ## 4. FID and FVD: two clouds
#
# ObjMC needs to know what was wanted. To ask "do the videos look real?", you compare two *sets*: real videos and
# generated ones. A network turns each into a list of numbers (features). Each set is then a cloud of points, described
# by its mean and its spread, and the **Fréchet distance** says how far apart two such clouds are. In one dimension:
#
# $$d^2 = (m_a - m_b)^2 + (s_a - s_b)^2$$
#
# with means m and standard deviations s. On Inception's features this is called FID, on those of a video network FVD.
#
# ### Exercise 3: in one dimension
#
# Write `frechet(a, b)` for two samples, arrays of numbers.
#
# {{hints frechet}}

# %% exercise frechet
def frechet(a, b):
    """The (squared) Fréchet distance between the normal distributions fitted to two samples."""
    ### BEGIN SOLUTION
    return (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    ### END SOLUTION

# %% check frechet
check.frechet(frechet)

# %%
from draganything_lab.evaluate.metrics import frechet_distance

rng = np.random.default_rng(0)
a, b = rng.normal(0, 1, 50), rng.normal(1, 2, 80)
by_hand = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
assert np.isclose(by_hand, frechet_distance(a[:, None], b[:, None]))  # the library wants (N, D), here D = 1
print("by hand and by the library:", round(by_hand, 4))

# %% [markdown]
# **Stand-in features.** Inception's and I3D's weights are not part of the lab (some 100 MB, downloaded only when you
# ask: `metrics.inception`, `metrics.i3d`). The lesson uses features that need no network: the colours of a tiny 2x2
# picture, their mean over time and their change, 24 numbers per clip. So what follows is a Fréchet distance, but
# **not** FID or FVD, and the library never calls it that. What you are about to see about *sample size* holds for all
# of them.

# %%
from draganything_lab.evaluate.metrics import thumbnails

features = thumbnails(side=2)
clips = [sample_clip(seed) for seed in range(512)]  # 512 little worlds, 8 frames of 64x64
cloud = np.concatenate([features(one.video) for one in clips])  # (512, 24)
print(features.measure, "-", cloud.shape)

# %% [markdown]
# Now compare **real with real**: two sets of clips, both from Toyland. The true distance is 0. What does the formula
# say for sets of N clips?

# %%
sizes = (8, 16, 32, 64, 128, 256)
found = {
    n: [frechet_distance(cloud[k : k + n], cloud[k + n : k + 2 * n]) for k in range(0, 512 - 2 * n + 1, 2 * n)][:8]
    for n in sizes
}
for n, values in found.items():
    print(f"N = {n:3}: mean {np.mean(values):.4f}  over pairs of sets: {len(values)}")

# %%
from matplotlib import pyplot as plt

fig, axes = plt.subplots(figsize=(6.5, 3.2))
for n, values in found.items():
    axes.plot([n] * len(values), values, "o", color="#0072B2", alpha=0.5)
axes.plot(sizes, [np.mean(values) for values in found.values()], "-", color="#0072B2")
axes.axhline(0, color="gray", linewidth=1)
axes.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="clips in each set", ylabel="distance, real to real")
axes.set_title("The truth is 0 everywhere", loc="left")
plt.show()

# %% [markdown]
# The distance is never 0, and with few clips it is far too large. This is a **bias**, not noise: it is always too
# large, never too small. Now the trap. Take a truly worse set: clips that do not move at all. Measure it with many
# clips, and compare with a perfect set that was measured with few.

# %%
still = np.concatenate([features(one.video[[0] * 8]) for one in clips])  # every clip frozen
frozen_many = frechet_distance(cloud[:256], still[256:])
perfect_few = np.mean(found[16])
print(f"frozen clips,  N = 256:   {frozen_many:.4f}")
print(f"perfect clips, N =  16:   {perfect_few:.4f}")
print(f"perfect clips, N = 256:   {np.mean(found[256]):.4f}   (the fair comparison)")
print("ranked by the first two, the better one is", "the frozen one" if frozen_many < perfect_few else "the perfect one")

# %% [markdown]
# Videos without motion beat perfect ones, because more of them were measured. So never compare two distances from
# different sample counts, and be careful with papers that do not report the count. (There is a second warning here:
# features decide what is seen. These hardly see motion.)
#
# ## 5. How sure? Draw again
#
# You have 12 scenes and one number for each. Would 12 other scenes have given the same mean? You cannot know, but you
# can draw from your 12 with replacement, many times, and see how the mean varies. This is the **bootstrap**.
#
# ### Exercise 4: an interval
#
# Write `interval(values, picks)`. `values` has N numbers; each row of `picks` (draws, N) holds the indices of one draw.
# It returns (low, high): the 2.5 % and the 97.5 % quantile of the draws' means.
#
# {{hints interval}}

# %% exercise interval
def interval(values, picks):
    """The 95 % bootstrap interval of the mean: (low, high)."""
    ### BEGIN SOLUTION
    means = values[picks].mean(axis=1)
    return np.quantile(means, 0.025), np.quantile(means, 0.975)
    ### END SOLUTION

# %% check interval
check.interval(interval)

# %%
from draganything_lab.evaluate.metrics import bootstrap

errors = []
for one in clips[:40]:
    if one.scene().controlled:
        errors.append(objmc(one.video[[0, *range(7)]], one.scene(), tracker="dis").mean)  # each a frame late
errors = np.array(errors)[np.isfinite(errors)]
for count in (5, len(errors)):
    low, high = bootstrap(errors[:count])
    print(f"{count:2} scenes: mean {errors[:count].mean():.2f} %, 95 % interval {low:.2f} to {high:.2f}")

# %% [markdown]
# The library's bootstrap also corrects for skew (BCa), so it differs a little from yours. One more rule: draw what is
# **independent**. Fourteen frames of one video are not fourteen experiments. The library draws whole scenes.
#
# ## 6. A blind study
#
# In the end, people watch videos. The paper showed 30 pictures to 3 raters: 63 % preferred DragAnything's motion. Let
# us run such a study in class. Two rules make it fair: nobody knows whose video is whose, and left and right are
# swapped at random. The lab takes care of both.

# %%
from draganything_lab.evaluate.study import Candidate, StudyWidget, make_study

candidates = []
for name in ("harbour", "sky", "pond", "meadow"):
    world = named_scene(name, size=(160, 288), num_frames=10)
    candidates.append(Candidate("true video", name, None, world.video))
    candidates.append(Candidate("preview", name, None, preview(world.scene(), 10, label=False)))
study, key = make_study(candidates)
print(f"{len(study.pairs)} pairs, {len(study.questions)} questions: {', '.join(study.questions.values())}")

# %% [markdown]
# Here is what a pair looks like, frame by frame, and below it the study itself. Vote with the buttons, or click in the
# little field and use the keys 1, 2 and 0. Each vote is saved to a file at once. (For a class, hand out one HTML file:
# the teacher's guide says how.)

# %%
show.strip({"One": candidates[0].frames, "The other": candidates[1].frames}, count=4)

# %%
StudyWidget(study, rater="me")

# %%
from pathlib import Path

from draganything_lab.evaluate.study import analyse, read_votes

if Path("votes-me.jsonl").exists():
    print(analyse(read_votes("votes-me.jsonl"), key))
else:
    print("There are no votes yet: vote above, then run this cell again.")

# %% [markdown]
# ## 7. Or was it chance?
#
# Say 19 of 30 voted for one model. If both were equally good, each vote would be the toss of a coin. How often do 30
# coins fall as unevenly as 19 to 11, or more unevenly, to either side?
#
# ### Exercise 5: the sign test
#
# Write `by_chance(wins, losses)`: the probability of a split at least as uneven, to either side, with fair coins.
#
# {{hints by_chance}}

# %% exercise by_chance
def by_chance(wins, losses):
    """How likely fair coins fall at least as unevenly as this, to either side."""
    ### BEGIN SOLUTION
    total, most = wins + losses, max(wins, losses)
    return min(1, 2 * sum(math.comb(total, k) for k in range(most, total + 1)) / 2**total)
    ### END SOLUTION

# %% check by_chance
check.by_chance(by_chance)

# %% [markdown]
# Now the paper's 63 to 37 for motion and 56 to 44 for quality. It had 30 pictures and 3 raters, so 90 votes at most;
# votes on the same picture are not independent, so they are worth fewer. Here are both readings:

# %%
from draganything_lab.evaluate.metrics import sign_test, wilson

for question, share in (("motion", 0.63), ("quality", 0.56)):
    for total in (30, 90):
        wins = round(share * total)
        low, high = wilson(wins, total)
        chance = sign_test(wins, total - wins)
        print(f"{question:8} {wins:2} of {total}: between {low:.0%} and {high:.0%}, by chance in {chance:.1%} of cases")

# %% [markdown]
# Read the rows. If every vote counts separately, the result for motion is hard to explain by chance. If only pictures
# count, it is easy. The result for quality could be chance in both readings. This does not say that the paper is wrong.
# It says what such a study can show, and that the raw votes should be published.
#
# ## What you have seen
#
# - A number belongs to its protocol. Pixels, sizes, hidden points: each choice changes it.
# - Two baselines, doing nothing and obeying perfectly, give a number meaning.
# - With few samples, Fréchet distances are always too large. Only compare equal counts.
# - The bootstrap gives an interval without formulas, if you draw what is independent.
# - A blind study needs no GPU, and a coin says whether to believe it.
#
# **Go further.** How many raters would you need to tell 56 % from chance four times out of five? Toss coins with numpy
# and find out. Run `draganything-lab evaluate toyland:12` and read its page with this lesson in mind.
#
# **What next.** Lesson 9 trains a small model of your own. If you skipped lesson 6: it uses all of this to ask the
# paper's own question, whether entities are better than points.
