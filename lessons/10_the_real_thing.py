# title: The real thing
# summary: The authors' weights on a GPU, and where their paper and their code differ.
# minutes: 60
# gpu: section 2 estimates it; only the last section uses one
# download: nothing, unless you ask for it; section 1 says what, and under which licence
# module: the_real_thing

# %% [markdown]
# # Lesson 10: The real thing
#
# {{badges}}
#
# Everything so far ran on a laptop, with small networks and a drawn world. The authors trained a large one, on
# photographs and films, and gave it away. In this lesson you find out what it takes to run it, before you download
# anything. Then you read their paper and their code side by side: they say different things, and each difference is a
# switch that you can try. At the end, if there is a GPU, a photograph of a rocket lifts off.
#
# {{cost}}
#
# **You will learn**
#
# 1. to read what a download costs and allows before it starts,
# 2. to work out how much memory a model needs before you have it,
# 3. five differences between a paper and its code, each shown in numbers,
# 4. why a collapsed vector makes a boat and a cloud look the same,
# 5. what a training of the real size sees, counts and costs,
# 6. to run the authors' weights, and to compare two readings fairly.
#
# **You should know** lessons 3 and 4; a little linear algebra. Every cell that needs a GPU says so, and does nothing
# without one.

# %% bootstrap

# %% [markdown]
# ## 1. What would be downloaded
#
# Three sets of weights work together: Stable Video Diffusion makes videos, the authors' ControlNet steers it, and
# Stable Diffusion gives the vectors that describe objects (lesson 2). The library keeps a register of them.

# %% studio

# %%
from draganything_lab.models import zoo
from draganything_lab.lessons.the_real_thing import check

needed = ("svd", "draganything", "sd15")
for name in needed:
    print(zoo.describe(name, half=True))
total = sum(zoo.MODELS[name].bytes(half=True) for name in needed)
print(f"together about {total / 1e9:.1f} GB; here already:", [name for name in needed if zoo.find(name)] or "none")

# %% [markdown]
# Read the licences, not only the sizes. One may be used freely for research and by small companies, one forbids certain
# uses, and for the one that matters most here we found no licence. "It can be downloaded" does not mean "everything is
# allowed". For work that you publish or sell, ask.
#
# Nothing is downloaded before you say so, here:

# %%
DOWNLOAD = False  # set it to True when you have read the above, and have a GPU

# %% [markdown]
# ## 2. What it needs, before you have it
#
# A network's shape is known without its numbers. PyTorch's *meta* device makes tensors that have a shape but no
# content, so the whole pipeline of the released size can be built in a few seconds, in no memory at all.

# %%
import torch

from draganything_lab.models import random_parts
from draganything_lab.pipeline import DragAnythingPipeline

pipe = DragAnythingPipeline(**random_parts("full", device="meta", dtype=torch.float16))
counts = {name: sum(p.numel() for p in getattr(pipe, name).parameters()) for name in
          ("unet", "controlnet", "vae", "image_encoder")}
for name, count in counts.items():
    print(f"{name:14} {count:13,} numbers")
in_file = zoo.MODELS["draganything"].bytes()
print(f"bytes per number in the ControlNet's file: {in_file / counts['controlnet']:.2f}")

# %% [markdown]
# Four bytes per number: the ControlNet was published in 32 bits. On a GPU you use 16.
#
# ### Exercise 1: the weights' memory
#
# Write `gibibytes(parameters, bits)`: how many GiB a network's numbers take, at so many bits each. A GiB is 2 ** 30
# bytes.
#
# {{hints gibibytes}}

# %% exercise gibibytes
def gibibytes(parameters, bits):
    """Memory of a network's weights in GiB."""
    ### BEGIN SOLUTION
    return parameters * bits / 8 / 2**30
    ### END SOLUTION

# %% check gibibytes
check.gibibytes(gibibytes)

# %% [markdown]
# There is more than the weights. While a network works, it also holds the outputs of its layers. The library finds out
# how much by running the networks on the meta device and adding up every tensor that is alive (`dryrun.py`). Its sum
# for the weights must equal ours:

# %%
from draganything_lab.pipeline.dryrun import DryRun

size, frames = (320, 576), 14
dry = DryRun(pipe)
by_hand = sum(counts.values()) * 16 / 8
assert by_hand == sum(dry.weights.values())
stages = {"read the picture": dry.encode(size), "embed 3 frames of control": dry.embed(size, 3),
          "one step, both halves": dry.step(size, frames, 2), "decode 14 frames": dry.decode(size, frames)}
print(f"weights: {by_hand / 2**30:.2f} GiB, and on top of them, one stage at a time:")
for name, cost in stages.items():
    print(f"  {name:26} {cost.memory / 2**30:5.2f} GiB {cost.flops / 1e12:7.1f} tera operations")

# %%
from matplotlib import pyplot as plt

fig, axes = plt.subplots(figsize=(8, 2.6))
names = [*stages, "decode 2 frames at a time"]
extra = [cost.memory / 2**30 for cost in (*stages.values(), dry.decode(size, 2))]
axes.barh(names, by_hand / 2**30, color="#0072B2", label="weights")
axes.barh(names, extra, left=by_hand / 2**30, color="#E69F00", label="what the stage holds")
axes.invert_yaxis()
axes.set_xlabel("GiB")
axes.legend(loc="lower right", fontsize=8)
plt.show()

# %% [markdown]
# The peak is not the denoising, but the very last stage: turning latents into 14 large pictures at once. So when memory
# is short, you first decode fewer frames at a time, and then run the two halves of guidance in turn. `estimate` tries
# such settings until they fit. On a GPU some memory goes to the driver and to gaps; the first line below shows the
# library's two numbers for that.

# %%
from draganything_lab.pipeline.machine import GIB
from draganything_lab.pipeline.plan import GPU_CONTEXT, GPU_GAPS, SHARE_OF_PRODUCT

T4 = 65e12  # operations per second, by its data sheet
print(f"for the driver {GPU_CONTEXT / GIB:.1f} GiB, for gaps a factor of {GPU_GAPS}")
print("GPU     needs   decoded at once   halves of guidance")
for gib in (24, 15, 12, 10, 8):  # a Colab T4 has about 15
    plan = pipe.estimate(size, frames, device="cuda", memory=gib * GIB, offload=False, speed=T4 * SHARE_OF_PRODUCT)
    need = plan.memory / GIB
    halves = "in turn" if plan.split_guidance else "together"
    print(f"{gib:3} GiB {need:5.1f} GiB {plan.decode_chunk:10}          {halves:10} {'fits' if plan.fits else 'too large'}")

# %% [markdown]
# And the time? The operations are counted, and the speed of a card is in its data sheet: 65 tera operations per second
# in half precision for the T4. No program reaches that. The library assumes a share until it has measured the first
# run:

# %%
plan = pipe.estimate(size, frames, steps=25, device="cuda", memory=15 * GIB, speed=T4 * SHARE_OF_PRODUCT)
tera = T4 / 1e12
speed = f"{SHARE_OF_PRODUCT:.0%} of {tera:.0f} tera/s"
print(f"{plan.flops / 1e12:.0f} tera operations; at {speed}: {plan.seconds:.0f} s (a guess)")

# %% [markdown]
# ## 3. The switches
#
# The released code departs from the paper in several places. In the library, each is a named switch, with two presets:
# what the paper says, and what the code does.

# %%
from dataclasses import asdict

from draganything_lab.control import PAPER, RELEASE

for name, said in asdict(PAPER).items():
    print(f"{name:20} {said!s:14} {asdict(RELEASE)[name]!s}")

# %% [markdown]
# One more difference has no switch: residuals are added up to four times (lesson 4). The weights were trained that way.
#
# ## 4. The border
#
# A balloon drifts to the left border, until part of its disc is outside. Here is the control signal of both presets in
# three frames.

# %%
import numpy as np

from draganything_lab import build_control, named_scene, show

scene = named_scene("sky", size=size, num_frames=frames).scene()
scene.update("balloon 2", trajectory=[(196, 128), (12, 150)])
paper, release = (build_control(scene, frames, representation="gaussian", preset=name) for name in ("paper", "release"))
show.control_stack({"paper: cut off": paper, "released code: squashed": release}, scene.image, count=3)

# %% [markdown]
# Lesson 3 showed how the squashing happens. Here we ask what it *means*. The model reads an object's position from
# where its hill is highest.
#
# ### Exercise 2: where the hill is highest
#
# Write `top_of_hill(x, radius, width)`: the column of the released hill's top. Its box reaches from `x - radius` to `x
# + radius`, clipped at 0 and at `width - 1`, and the stamp is resized into it.
#
# {{hints top_of_hill}}

# %% exercise top_of_hill
def top_of_hill(x, radius, width):
    """The column of the highest point of a released hill for a point at x."""
    ### BEGIN SOLUTION
    left, right = max(x - radius, 0), min(x + radius, width - 1)
    return (left + right) / 2
    ### END SOLUTION

# %% check top_of_hill
check.top_of_hill(top_of_hill)

# %%
which = [entity.name for entity in scene.controlled].index("balloon 2")
asked = paper.centres[:, which, 0]


def told(control):  # the column of the highest value on the balloon's side of the picture, in each frame
    hills = control.heat[:, :, :260].astype(float)
    tops = hills == hills.max(axis=(1, 2), keepdims=True)
    return np.array([np.argwhere(top)[:, 1].mean() for top in tops])


axes = plt.figure(figsize=(6.5, 3)).gca()
axes.plot(asked, "k--", zorder=3, label="asked for")
axes.plot(told(paper), "o-", color="#0072B2", label="given, paper")
axes.plot(told(release), "s-", color="#D55E00", label="given, released code")
axes.set(xlabel="frame", ylabel="column of the hill's top")
axes.legend()
print(f"last frame: asked {asked[-1]:.0f}, given {told(paper)[-1]:.0f} (paper), {told(release)[-1]:.1f} (released code)")
plt.show()

# %% [markdown]
# The closer an object comes to the border, the less of its path reaches the model. The released code can hardly say
# "leave the picture". Note also the radius: the code's is a whole number and at most 50 pixels.

# %%
print("radii, paper:  ", dict(zip([e.name for e in scene.controlled], paper.radii.round(1).tolist())))
print("radii, release:", dict(zip([e.name for e in scene.controlled], release.radii.tolist())))

# %% [markdown]
# ## 5. The vector that became a number
#
# The paper's idea, and its title, is to tell the model *what* moves: each object's vector is written into its disc. The
# released demo writes `id_feature[0]`, the first number of the vector, into every channel.
#
# ### Exercise 3: collapse
#
# Write `collapsed(vectors, channels)` for `vectors` (N, C). It returns (N, channels): each object's first number, in
# all channels.
#
# {{hints collapsed}}

# %% exercise collapsed
def collapsed(vectors, channels):
    """What the released demo keeps of vectors (N, C): (N, channels)."""
    ### BEGIN SOLUTION
    return np.repeat(vectors[:, :1], channels, axis=1)
    ### END SOLUTION

# %% check collapsed
check.collapsed(collapsed)

# %% [markdown]
# What is lost? We describe three objects of the harbour: by the small diffusion features if they are here, otherwise by
# histograms of their colours, with the mean subtracted. Then we ask how alike they are: the cosine between their
# vectors, once as the paper says (here with neighbours averaged in pairs to half the channels, as in lesson 2), once as
# released.

# %%
from draganything_lab.control import cosine_similarity, entity_vectors
from draganything_lab.lessons.weights import toy_features

harbour = named_scene("harbour", size=(128, 128), num_frames=frames).scene()
features = toy_features() if zoo.find("toy") else None
if features is not None:
    vectors = entity_vectors(harbour, features, features.feature_channels)
else:
    pixels = [harbour.image[entity.mask] for entity in harbour.controlled]
    vectors = np.stack([np.histogramdd(p, bins=(4, 4, 4), range=[(0, 256)] * 3)[0].ravel() / len(p) for p in pixels])
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
names = [entity.name for entity in harbour.controlled]
print("described by", "histograms" if features is None else "diffusion features", names, vectors.shape)

# %%
half = vectors.shape[1] // 2
tables = {name: build_control(harbour, frames, vectors=vectors, channels=half, preset=name).vectors[1:]
          for name in ("paper", "release")}
assert np.allclose(tables["release"], np.repeat(vectors[:, :1], half, axis=1))
assert np.allclose(tables["paper"], (vectors[:, 0::2] + vectors[:, 1::2]) / 2, atol=1e-6)
fig, spots = plt.subplots(1, 2, figsize=(8, 3.2))
for spot, (name, table) in zip(spots, tables.items()):
    alike = cosine_similarity(table, table)
    spot.imshow(alike, cmap="cividis", vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(alike):
        spot.text(column, row, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.2 else "white")
    spot.set_title(f"{name}: cosine")
    spot.set_xticks(range(len(names)), names)
    spot.set_yticks(range(len(names)), names)
plt.show()

# %% [markdown]
# On the left, each pair has its own cosine: that is what lets a network tell objects apart. On the right, only 1 is
# left and, where the signs differ, -1. That is not a coincidence: if all channels hold the same number, all vectors lie
# on one line, and only a length and a sign tell objects apart. Yet the demo's pictures look good. So how much does the
# entity representation contribute there? You can test this question (lesson 6); the paper alone does not answer it.
#
# One more thing about that number. The features come from *noisy* pictures, and the released code does not fix the seed
# of the noise. So the number changes from run to run. In the library, you pass the seed.
#
# ## 6. What the image encoder is shown
#
# The video model also looks at the picture through CLIP, a network that was trained on pictures in a certain range.
#
# ### Exercise 4: the range
#
# Write `normalised(picture, mean, std)`: scale a uint8 picture (H, W, 3) to 0..1, then subtract each colour's mean and
# divide by its standard deviation.
#
# {{hints normalised}}

# %% exercise normalised
def normalised(picture, mean, std):
    """A picture (H, W, 3) of 0..255 in the range that CLIP was trained with."""
    ### BEGIN SOLUTION
    return (picture / 255 - mean) / std
    ### END SOLUTION

# %% check normalised
check.normalised(normalised)

# %%
from draganything_lab.pipeline.sampling import CLIP_MEAN, CLIP_STD, encoder_pixels

picture = torch.tensor(harbour.image).permute(2, 0, 1)[None] / 255  # (1, 3, 128, 128)
shown = {name: encoder_pixels(picture, 128, (CLIP_MEAN, CLIP_STD) if rules.clip_normalised else None)
         for name, rules in (("paper", PAPER), ("release", RELEASE))}
by_hand = (harbour.image / 255 - CLIP_MEAN) / CLIP_STD
assert np.abs(by_hand - shown["paper"][0].permute(1, 2, 0).numpy()).max() < 1e-3
for name, pixels in shown.items():
    mean, std = pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3))
    print(f"{name:8} red, green, blue: mean {np.round(mean.tolist(), 2)}, std {np.round(std.tolist(), 2)}")

# %% [markdown]
# To the encoder, the released picture is pale, with little contrast. It does not complain: networks never do.
#
# One more switch is small. Beside the picture, the video model gets three numbers: frames per second, how much motion,
# how much noise. In the released code they are fixed, and the arguments with those names do nothing:

# %%
from draganything_lab.pipeline.sampling import RELEASED_TIME_IDS

print("the released code always passes:", RELEASED_TIME_IDS)

# %% [markdown]
# ## 7. What training takes
#
# The authors released weights, but not the program that trained them. This library has one of its own, for real videos
# with masks (`draganything-lab train controlnet`). What does it show the network? Two drawn clips, written to disk as
# the real data set is, stand for thousands of films.

# %%
from pathlib import Path
from tempfile import mkdtemp

from draganything_lab.models import load_features
from draganything_lab.toyland.clip_folder import write_clips
from draganything_lab.training.full.prepare import prepare
from draganything_lab.training.full.samples import ClipSamples
from draganything_lab.training.full.shards import Recipe

clips = Path(mkdtemp())
write_clips(clips, 2, (96, 128), 14)
prepare(clips, clips / "shards", Recipe((96, 128), 14, stuff=False), load_features("toy"))
samples = ClipSamples(clips, clips / "shards")
show.training_samples(samples, [0], count=2)

# %% [markdown]
# The first row is the clip, the second what the ControlNet is told, the third the paper's **loss mask**: errors count
# only where an entity is. Why? A loss over the whole picture is mostly background, and the objects would hardly matter
# in it. (In a data set that labels every pixel, sky and grass would be entities, too, and the mask would cover
# everything; `stuff=False` leaves them out.)
#
# The network works on latents, where one cell stands for 8 by 8 pixels. A cell counts if any of its pixels belongs to
# an entity. Here is the loss by hand, for errors that we draw at random, and the library's:

# %%
from draganything_lab.training.full.options import Options
from draganything_lab.training.full.step import weighed

moved = torch.as_tensor(samples.draw(0)["moved"])[None]  # (1, 14, 96, 128): where entities are
error = torch.rand(1, 14, 12, 16)  # squared error of each latent cell
mask = moved.reshape(1, 14, 12, 8, 16, 8).any(dim=5).any(dim=3)
by_hand = (mask * error).sum() / error.numel()
losses = weighed(error, moved, Options(loss="masked"))
assert torch.isclose(by_hand, losses["loss"])
print(f"{mask.float().mean():.0%} of all cells count; loss {by_hand:.3f}, over the whole picture {error.mean():.3f}")

# %% [markdown]
# And what would the real training cost? As in section 2, one step is tried with shapes alone, this time forwards and
# backwards. Times assume a share of the data sheet's speed: no GPU has confirmed them yet.

# %%
from draganything_lab.training.full.estimate import estimate_training

shapes = random_parts("full", device="meta")
for card, cards in (("T4", 1), ("A100-80", 8)):
    options = Options(batch=8, accumulate=8 // cards, precision="fp16" if card == "T4" else "bf16")
    print(estimate_training(shapes, options, processes=cards, device=card), "\n")

# %% [markdown]
# After such a training you would want to know whether it worked. How good are the authors' weights? Here is the same
# measure, ObjMC, of the very same weights, as four papers report it:

# %%
from draganything_lab.evaluate.metrics import PUBLISHED

for row in PUBLISHED:
    if row.model == "DragAnything" and row.protocol.name.startswith("ObjMC"):
        print(f"{row.value:6} {row.unit:3} {row.source}")

# %% [markdown]
# Nobody need have made a mistake: the size of the videos, the number of frames, the tracker, the points and the unit
# may differ, and each moves the number. **A number without its protocol cannot be compared.** `draganything-lab
# evaluate --protocol paper` therefore measures the authors' weights and yours in one run, names every choice that the
# paper leaves open, and ranks only what was measured alike. `docs/full-size.md` is the guide for the whole way.

# %% [markdown]
# ## 8. A rocket
#
# Now a photograph: SpaceX put it into the public domain, and it comes with scikit-image. We cut out the rocket with
# clicks, and let it lift off while everything else is pinned. Without a GPU you see the **preview**, which only moves
# pixels: no fire, no light.

# %%
from skimage import data

from draganything_lab import Scene, load_segmenter
from draganything_lab.media import load_picture
from draganything_lab.scene import clean_mask

photo = load_picture(data.rocket()[20:376])  # (356, 640, 3)
launch = Scene(photo).resized(size)
segmenter = load_segmenter("auto")
segmenter.set_picture(launch.image)
found = segmenter.predict([(290, 110), (290, 220), (290, 300)], box=(270, 90, 310, 320))
launch.add("rocket", clean_mask(found.best), [(290, 200), (290, 190), (290, 60)])
launch.drag_background([(100, 100)])  # one point: it stays still
print("cut out by:", found.backend)
show.trajectories(launch)

# %%
from draganything_lab import preview

wanted = preview(launch, frames)
show.strip({"Preview": wanted}, count=3)

# %% [markdown]
# Next come the vectors, whole, from Stable Diffusion; then the pipeline. Together they do not fit on a small GPU, so
# the first is freed before the second is loaded.

# %%
from draganything_lab.lessons.gpu import released_pipeline, released_vectors

described = released_vectors(launch, size, download=DOWNLOAD)

# %%
real = None if described is None else released_pipeline(size, frames, download=DOWNLOAD)
videos = {}
if real is not None:
    for name in ("paper", "release"):  # the same noise, the same picture: only the switches differ
        videos[name] = real(launch, num_frames=frames, height=size[0], width=size[1], vectors=described,
                            preset=name, seed=0).frames

# %%
from IPython.display import display

from draganything_lab import motion

if videos:
    display(show.side_by_side({"wanted (preview)": wanted, **videos}))
    display(show.strip({"wanted (preview)": wanted, **videos}, count=4))
for name, video in videos.items():
    print(f"{name}: {motion.measure(video, launch)}\n")
if not videos:
    print("No video was made, so there is nothing to measure. Everything above needs no GPU.")

# %% [markdown]
# If you got two videos, do not conclude too much. One picture and one seed are an anecdote. The weights were trained by
# the authors' training code, which (as far as we can tell) writes whole vectors; so the demo may differ from its own
# training. An answer takes ten pictures, three seeds each, pairs, and an interval (lesson 8). `draganything-lab
# evaluate` does that.
#
# ## What you have seen
#
# - You can know sizes, licences and memory before a download.
# - Memory peaks at the end, in decoding; settings can lower that.
# - The released code cannot say "leave the picture", passes one number for a whole vector, and shows CLIP a pale
#   picture.
# - Vectors whose channels are all equal lie on one line: their cosines are 1 or -1.
# - The paper's loss counts errors only where entities are; a number means something only with its protocol.
# - A switch for each difference turns an opinion about code into an experiment.
#
# **Go further.** Make a preset of your own: `dataclasses.replace(RELEASE, name="mine", entity_vector="whole")`, and
# find out which single switch changes the video most. Estimate 25 frames, or twice the size, before you try them.
#
# **What next.** You have been through all of it. Take a photograph of your own, and drag. (Lesson 9 trains such a model
# at a small size; its last section lists what the real size would take.)
