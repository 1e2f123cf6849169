# title: Train your own
# summary: A small ControlNet from scratch, with the paper's loss and the plain one; then what real data would take.
# minutes: 60
# gpu: the same; everything here is small
# download: nothing
# module: train_your_own

# %% [markdown]
# # Lesson 9: Train your own
#
# {{badges}}
#
# The authors of DragAnything released weights but no training code. So anyone who wants another model has to write the
# trainer. In this lesson you write one: data, latents, a denoiser, a ControlNet, the loss with a mask. It is so small
# that all of it trains while you read, on a laptop. Its videos will be blurred. Its parts are the real ones.
#
# {{cost}}
#
# **You will learn**
#
# 1. to make training data whose truth is known,
# 2. to make your own latents with one matrix,
# 3. to train a denoiser, and then a ControlNet on it while it stays frozen,
# 4. what the paper's masked loss does, measured against the plain loss,
# 5. how a training run can be stopped and resumed exactly,
# 6. what is missing between this and VIPSeg with Stable Video Diffusion, in numbers.
#
# **You should know** lesson 3 (the control), lesson 4 (noise levels, zero convolutions), and a little PyTorch.

# %% bootstrap

# %% [markdown]
# ## 1. Data
#
# A training example is a short video, and the drag that it obeys. For real videos, that takes masks and tracks. Toyland
# draws any number of examples, each fixed by its seed, and its truth is exact. We train on seeds from 0 up. We test on
# seeds far away from these: they are **held out**.

# %% studio

# %%
import numpy as np
from matplotlib import pyplot as plt

from draganything_lab import show
from draganything_lab.lessons.train_your_own import HELD_OUT, check, make_clips

data, test = make_clips(0, 600), make_clips(HELD_OUT, 48)
for name, array in data.items():
    print(f"{name:8}", array.shape, array.dtype)

# %%
pictures = {}
for k in range(3):
    gauss, colour = data["control"][k, ..., :1], data["control"][k, ..., 1:]
    pictures[f"Clip {k}"] = data["video"][k]
    inside = (colour != 0).any(axis=-1, keepdims=True)  # the disc in its colour; the rest of the Gaussian in grey
    pictures[f"Asked {k}"] = np.where(inside, 127.5 + 127.5 * colour, 40 + 160 * gauss).astype(np.uint8)
show.strip(pictures, count=6)

# %% [markdown]
# The control is the paper's: a Gaussian on the path says *where*, and a vector in the entity's disc says *what*. The
# paper uses diffusion features for that vector (lesson 2). Here we use the object's mean colour: three numbers, no
# network.
#
# ## 2. Latents from one matrix
#
# Stable Video Diffusion does not work on pixels. A VAE turns each square of 8x8 pixels into 4 numbers. Ours turns each
# square of 4x4 pixels (48 numbers) into 16, and it needs no training: we take the 16 directions in which the squares of
# real pictures differ most.
#
# ### Exercise 1: keep what matters
#
# Write `reconstructed(patches, count)` for `patches` (N, D): code each by its components along the `count` strongest
# directions, and turn the code back into patches, (N, D). Subtract the mean first, and add it again at the end.
#
# {{hints reconstructed}}

# %% exercise reconstructed
def reconstructed(patches, count):
    """Patches (N, D), coded by `count` numbers each and turned back."""
    ### BEGIN SOLUTION
    mean = patches.mean(axis=0)
    directions = np.linalg.svd(patches - mean, full_matrices=False)[2][:count]
    return mean + (patches - mean) @ directions.T @ directions
    ### END SOLUTION

# %% check reconstructed
check.reconstructed(reconstructed)

# %%
import torch
from torch import nn
from torch.nn import functional as F

KEPT = 16


def to_tensor(video):  # (..., H, W, 3) uint8 -> (..., 3, H, W) from -1 to 1
    return torch.tensor(video).movedim(-1, -3).float() / 127.5 - 1


squares = F.pixel_unshuffle(to_tensor(data["video"][:, 0]), 4).movedim(1, -1).reshape(-1, 48)
mean = squares.mean(dim=0)
directions = torch.linalg.svd(squares - mean, full_matrices=False)[2][:KEPT]  # (16, 48)

# %%
def encode(pictures):  # (B, 3, H, W) -> (B, 16, H / 4, W / 4)
    return torch.einsum("bchw,kc->bkhw", F.pixel_unshuffle(pictures, 4) - mean[:, None, None], directions)


def decode(latents):
    return F.pixel_shuffle(torch.einsum("bkhw,kc->bchw", latents, directions) + mean[:, None, None], 4)


frames = to_tensor(test["video"][:, -1])
error = (decode(encode(frames)) - frames).square()
print("latents", tuple(encode(frames).shape), f" error of coding {error.mean():.4f}")

# %% [markdown]
# ## 3. A denoiser
#
# Now the first network. It gets a noisy frame and the first frame, and guesses the clean frame. To make its task
# easier, it only guesses the **change** since the first frame: for the background that is zero. It knows nothing about
# drags yet. It has two halves: one that goes down, to a coarser map, and collects results on the way, and one that
# comes up again and uses them.

# %%
def block(given, out, stride=1):
    return nn.Sequential(nn.Conv2d(given, out, 3, stride, 1), nn.GroupNorm(8, out), nn.SiLU())


class Down(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.start, self.level = nn.Conv2d(2 * KEPT, width, 3, 1, 1), nn.Linear(1, width)
        sizes = ((width, width), (width, 2 * width, 2), (2 * width, 2 * width))
        self.blocks = nn.ModuleList(block(*size) for size in sizes)

    def forward(self, x, sigma, hint=0.0):  # (B, 32, 8, 8), (B,) -> four results
        results = [self.start(x) + self.level(sigma.log()[:, None])[:, :, None, None] + hint]
        for layer in self.blocks:
            results.append(layer(results[-1]))
        return results

# %%
class UNet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.down = Down(width)
        self.up = nn.ModuleList([block(2 * width, width), block(3 * width, width)])
        self.last = nn.Conv2d(width, KEPT, 3, 1, 1)

    def forward(self, noisy, sigma, start, control=None, hint=None):
        x = torch.cat([noisy / (1 + sigma[:, None, None, None]), start], dim=1)
        results = self.down(x, sigma)
        if control is not None:
            results = [own + extra for own, extra in zip(results, control(x, sigma, hint))]
        coarse = F.interpolate(self.up[0](results[3]), scale_factor=2)
        return self.last(self.up[1](torch.cat([coarse, results[1], results[0]], dim=1)))

# %% [markdown]
# Training means: take a clip and one of its frames, add noise of a random strength, and compare the guess with the
# truth. A batch is fixed by its number. So every run with the same numbers sees the same data.

# %%
video = to_tensor(data["video"])
latents = encode(video.flatten(0, 1)).unflatten(0, video.shape[:2])  # (clips, T, 16, 8, 8)
asked = F.pixel_unshuffle(torch.tensor(data["control"]).movedim(-1, 2).flatten(0, 1), 4).unflatten(0, video.shape[:2])
moved = torch.tensor(data["moved"])


def draw(number, count=48):
    rng = np.random.default_rng(number)
    k, t = rng.integers(len(video), size=count), rng.integers(1, video.shape[1], size=count)
    return {
        "start": latents[k, 0], "change": latents[k, t] - latents[k, 0], "moved": moved[k, t],
        "hint": torch.cat([asked[k, 0], asked[k, t]], dim=1),  # where it should be first, and now
        "sigma": torch.tensor(np.exp(rng.normal(0.3, 1.0, count)), dtype=torch.float32),
        "noise": torch.tensor(rng.normal(size=(count, *latents.shape[2:])), dtype=torch.float32),
    }  # fmt: skip

# %% [markdown]
# ## 4. The masked loss
#
# How wrong is a guess? The plain answer is the mean squared error over the whole frame. But the objects are small, and
# most of the frame is background. DragAnything counts the error **only where the entities are**: the paper multiplies
# it by M, the union of their masks. We also allow values in between: positions outside have the weight `outside`, from
# 0 (the paper) to 1 (plain).
#
# ### Exercise 2: the weighted mean
#
# Write `weighted(error, mask, outside)` for two arrays of the same shape. It returns the weighted mean of the errors;
# weights are 1 in the mask and `outside` elsewhere.
#
# {{hints weighted}}

# %% exercise weighted
def weighted(error, mask, outside):
    """Mean of errors with weight 1 inside a mask and `outside` elsewhere."""
    ### BEGIN SOLUTION
    weight = np.where(mask, 1.0, outside)
    return (weight * error).sum() / weight.sum()
    ### END SOLUTION

# %% check weighted
check.weighted(weighted)

# %%
from draganything_lab.training.toy.video import masked_error  # what the lab's own trainer uses

batch = draw(0)
guess = torch.zeros_like(batch["change"])  # "nothing has changed"
mask = F.adaptive_max_pool2d(batch["moved"].float(), 8)  # a square of the latents counts if any of its pixels does
error = (guess - batch["change"]).square().mean(dim=1)
for outside in (0, 0.3, 1):
    weight = outside + (1 - outside) * mask
    ours = (weight * error).sum() / weight.sum()
    theirs = masked_error(guess[:, None], batch["change"][:, None], batch["moved"][:, None], outside)
    assert torch.allclose(ours, theirs, rtol=1e-4)
    print(f"outside {outside}: loss {ours:.3f}   (the mask covers {mask.mean():.0%} of the frame)")

# %% [markdown]
# Doing nothing looks good to the plain loss, and bad to the masked one. That is the reason for the mask.
#
# ## 5. Training the denoiser
#
# The loop is short: loss, gradient, step. The learning rate is small at the beginning, and fades out at the end.

# %%
def loss(unet, batch, outside, control=None):
    noisy = batch["change"] + batch["sigma"][:, None, None, None] * batch["noise"]
    guess = unet(noisy, batch["sigma"], batch["start"], control, batch["hint"])
    return masked_error(guess[:, None], batch["change"][:, None], batch["moved"][:, None], outside)


torch.manual_seed(0)
unet, steps = UNet(), 200
optimiser = torch.optim.AdamW(unet.parameters())
for step in range(steps):
    optimiser.param_groups[0]["lr"] = 5e-3 * min(1, (step + 1) / 20, (steps - step) / 60)
    value = loss(unet, draw(step), outside=0.3)
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    if step % 50 == 0 or step == steps - 1:
        print(f"step {step:3}  loss {value.item():.3f}")

# %% [markdown]
# It cannot get far: nothing tells it where objects should go. At low noise it sees the object through the noise; at
# high noise it can only guess. From now on it is **frozen**, as in the paper: nothing below changes its weights.
#
# ## 6. The ControlNet
#
# It is a copy of the first half, with an entrance for the control, and with zero convolutions after each result (lesson
# 4 says why).

# %%
import copy

unet.requires_grad_(False)


class ControlNet(nn.Module):
    def __init__(self, unet, width=48):
        super().__init__()
        self.down = copy.deepcopy(unet.down).requires_grad_(True)
        self.door = nn.Sequential(nn.Conv2d(2 * 4 * 16, width, 3, 1, 1), nn.SiLU(), nn.Conv2d(width, width, 3, 1, 1))
        self.zeros = nn.ModuleList(nn.Conv2d(k, k, 1) for k in (width, width, 2 * width, 2 * width))
        for weight in self.zeros.parameters():
            nn.init.zeros_(weight)

    def forward(self, x, sigma, hint):
        return [zero(result) for zero, result in zip(self.zeros, self.down(x, sigma, self.door(hint)))]


with torch.no_grad():
    same = torch.equal(loss(unet, draw(7), 1.0), loss(unet, draw(7), 1.0, ControlNet(unet)))
print("a new ControlNet changes nothing:", same)

# %% [markdown]
# Now we hand over to the lab's own training loop, which also makes `toy`. A network to train is a *stage*: it says what
# is trained, how batch number n is drawn, and what the loss is. The loop adds what the ten lines above lacked:
# checkpoints, a log, and a moving average of the weights.
#
# ### Exercise 3: a moving average
#
# Weights jump about from step to step. Their average jumps less, and works better. Write `averaged(values, decay)`:
# start with the first value; then, for each further one, the average becomes `decay` times itself plus 1 - `decay`
# times the value.
#
# {{hints averaged}}

# %% exercise averaged
def averaged(values, decay):
    """The moving average after the last of some values."""
    ### BEGIN SOLUTION
    mean = values[0]
    for value in values[1:]:
        mean = decay * mean + (1 - decay) * value
    return mean
    ### END SOLUTION

# %% check averaged
check.averaged(averaged)

# %%
from draganything_lab.training.engine.loop import MovingAverage

layer = nn.Linear(1, 1, bias=False)
nn.init.constant_(layer.weight, 1.0)
average, by_hand = MovingAverage(layer, decay=0.9), 1.0
for step, value in enumerate((2.0, 0.0, 5.0), start=1):
    nn.init.constant_(layer.weight, value)
    average.update(step)
    decay = min(0.9, (1 + step) / (10 + step))  # the library forgets faster in the first steps
    by_hand = decay * by_hand + (1 - decay) * value
assert np.isclose(by_hand, average.values["weight"].item(), atol=1e-5)
print("by hand:", round(by_hand, 4))

# %% [markdown]
# ## 7. Masked against plain
#
# Two ControlNets: the same start, the same batches, the same noise. Only `outside` differs.

# %%
from pathlib import Path

from draganything_lab.training.engine.loop import Settings, load_average, run
from draganything_lab.training.engine.stage import Stage


class ControlStage(Stage):
    def __init__(self, name, outside):
        torch.manual_seed(1)
        self.name, self.outside, self.net, self.rate = name, outside, ControlNet(unet), 8e-3

    def trained(self):
        return self.net

    def draw(self, number):
        return draw(number)

    def loss(self, batch, generator):
        return {"loss": loss(unet, batch, self.outside, self.net)}

# %%
def quiet(line):
    pass


networks, STEPS = {"no control": None}, 320
for name, outside in {"masked": 0.0, "plain": 1.0}.items():
    stage = ControlStage(name, outside)
    path = run(stage, Path("runs"), Settings(steps=STEPS), report=quiet)
    load_average(stage.net, path)  # the averaged weights, not the latest ones
    networks[name] = stage.net.eval()
    print(f"{name:8} {STEPS} steps; written:", ", ".join(sorted(file.name for file in path.parent.glob(f"{name}.*"))))

# %%
import json

fig, axes = plt.subplots(figsize=(6, 2.8))
for name, colour in (("masked", "#D55E00"), ("plain", "#0072B2")):
    log = [json.loads(line) for line in Path("runs", f"{name}.jsonl").read_text().splitlines()]
    axes.plot([line["step"] for line in log], [line["loss"] for line in log], color=colour, label=name)
axes.set(xlabel="step", ylabel="its own loss", title="Two losses: heights cannot be compared")
axes.legend()
plt.show()

# %% [markdown]
# The two curves measure different things. Only a test with *one* measure can say which network is better. So we let
# them make the last frame of clips that neither has seen: from pure noise, in a few steps, as in lesson 4.

# %%
from itertools import pairwise

held = to_tensor(test["video"])
start, truth = encode(held[:, 0]), held[:, -1]
maps = F.pixel_unshuffle(torch.tensor(test["control"]).movedim(-1, 2).flatten(0, 1), 4).unflatten(0, held.shape[:2])


@torch.no_grad()
def sample(control, t=-1, seed=0, steps=6):
    sigmas = torch.cat([torch.linspace(5 ** (1 / 7), 0.2 ** (1 / 7), steps) ** 7, torch.zeros(1)])
    hint = torch.cat([maps[:, 0], maps[:, t]], dim=1)
    x = sigmas[0] * torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
    for sigma, following in pairwise(sigmas):
        clean = unet(x, sigma.expand(len(x)), start, control, hint)
        x = x + (x - clean) / sigma * (following - sigma)
    return decode(start + x)

# %%
inside = torch.tensor(test["moved"][:, -1])
errors = {"first frame": held[:, 0]} | {name: sample(control) for name, control in networks.items()}
for name, made in errors.items():
    wrong = (made - truth).square().mean(dim=1)  # (clips, H, W)
    errors[name] = {"inside": (wrong * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1),
                    "outside": (wrong * ~inside).sum((1, 2)) / (~inside).sum((1, 2))}  # fmt: skip
    print(f"{name:12} inside {errors[name]['inside'].mean():.3f}   outside {errors[name]['outside'].mean():.3f}")

# %% [markdown]
# "First frame" is what you get for doing nothing. Is the difference between the two losses real, or just luck with
# these clips? Both networks were tested on the same clips, so we look at the difference clip by clip, and resample the
# clips many times.

# %%
rng = np.random.default_rng(0)
for place in ("inside", "outside"):
    off = (errors["masked"][place] - errors["plain"][place]).numpy()
    low, high = np.quantile(rng.choice(off, (2000, len(off))).mean(axis=1), (0.025, 0.975))
    said = "masked is better" if high < 0 else "plain is better" if low > 0 else "these clips cannot tell"
    print(f"{place:8} masked - plain: {off.mean():+.4f}  (95 %: {low:+.4f} to {high:+.4f})  {said}")

# %% [markdown]
# A loss that does not look outside cannot improve anything there: that cost is certain. The interval says whether it
# gains anything inside; with so few steps and clips it may well be "cannot tell". The paper reports that the mask makes
# its model obey better (ObjMC 305.7 with it, 311.1 without). The lab's own trainer uses a weight between the two. And
# note what the interval does *not* cover: another start of the same training. Change the seed in `ControlStage` to see
# how much that is.
#
# Now look. Columns are held-out clips.

# %%
some = slice(0, 10)
rows = {"First frame": held[some, 0], "Truth": truth[some]}
rows |= {f"Made, {name}": sample(control)[some] for name, control in networks.items()}
fig, axes = plt.subplots(len(rows), 10, figsize=(12, 1.25 * len(rows)))
for row, (name, pictures) in zip(axes, rows.items()):
    for spot, picture in zip(row, pictures):
        spot.imshow((picture / 2 + 0.5).clamp(0, 1).movedim(0, -1).numpy())
        spot.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# In seconds, a network this small begins to learn to wipe out an object in one place, and to put a patch of its colour
# in another. Shape takes longer: that is what the hours on the real one are for. Here is the clip in which the masked
# one improved most on the first frame, frame by frame, made with the same noise in every frame:

# %%
def as_video(frames):  # list of (3, H, W) from -1 to 1 -> (T, H, W, 3) uint8
    return (torch.stack(frames).clamp(-1, 1).movedim(1, -1).numpy() * 127.5 + 127.5).astype(np.uint8)


k = int((errors["first frame"]["inside"] - errors["masked"]["inside"]).argmax())
made = {name: as_video([held[k, 0], *(sample(networks[name], t)[k] for t in range(1, 6))]) for name in networks}
show.strip({"Truth": test["video"][k], **made}, count=6)

# %% [markdown]
# ## 8. Stop and resume
#
# Real training takes hours or days, and machines stop. The loop promises that a run that was stopped and resumed ends
# with **the same weights, bit for bit**, as one that was not. That holds because every batch is fixed by its number.

# %%
whole = run(ControlStage("whole", 0.3), Path("runs"), Settings(steps=6), report=quiet)
run(ControlStage("parts", 0.3), Path("runs"), Settings(steps=6, stop_after=3), report=quiet)
parts = run(ControlStage("parts", 0.3), Path("runs"), Settings(steps=6), resume=True, report=quiet)
a, b = (torch.load(path, weights_only=True) for path in (whole, parts))
same = all(torch.equal(a["average"][name], b["average"][name]) for name in a["average"])
print("steps:", a["step"], b["step"], " the same, bit for bit:", same)

# %% [markdown]
# ## 9. The lab's own trainer
#
# What you built is, part by part, what trains the lab's small model, `toy`: a VAE in place of the matrix, diffusion
# features in place of mean colours, a video UNet in place of single frames, and at the end the reference decoder of
# lesson 4 ("sharp"). One command does all of it, and resumes where it was stopped:
#
#     draganything-lab train toy --minutes 300 --processes 2 --resume
#     draganything-lab train toy --export my-weights
#
# Set the environment variable `DRAGANYTHING_LAB_TOY` to that folder, and the studio and the lessons use your weights.
# If the lab's are here, this is how their training went. (A jump downwards is a new start with another loss, another
# network, or larger pictures.)

# %%
from draganything_lab.models import zoo

folder = zoo.find("toy")
stages = ("vae", "dift", "unet", "control", "sharp")
logs = [folder / "training" / f"{stage}.jsonl" for stage in stages] if folder else []
logs = [file for file in logs if file.is_file()]
if not logs:
    print("There are no logs of a trained toy on this machine; `draganything-lab train toy` would write some.")
else:
    fig, axes = plt.subplots(1, len(logs), figsize=(2.4 * len(logs), 2.4), squeeze=False)
    for spot, file in zip(axes[0], logs):
        log = [json.loads(line) for line in file.read_text().splitlines()]
        spot.plot([line["seconds"] / 60 for line in log], [line["loss"] for line in log], color="#0072B2")
        spot.set(title=file.stem, xlabel="minutes", yscale="log", ylabel="loss" if file is logs[0] else "")
    plt.tight_layout()

# %% [markdown]
# ## 10. VIPSeg and Stable Video Diffusion
#
# The paper trains on VIPSeg: real videos, and for each frame a *panoptic mask*, a picture in which each pixel is the
# number of its segment. The lab reads this format for its evaluation. Here is a Toyland clip, written in it and read
# back:

# %%
from draganything_lab import named_scene
from draganything_lab.evaluate.vipseg import list_clips, load_clip
from draganything_lab.lessons.train_your_own import write_like_vipseg

write_like_vipseg(named_scene("harbour", size=(64, 96), num_frames=8), Path("vipseg"), "harbour")
(clip,) = list_clips(Path("vipseg"))
scene, real = load_clip(clip, (64, 96), frames=8, tracker="opencv")
print("segments:", ", ".join(entity.name for entity in scene), " video", real.shape)
show.trajectories(scene, 8)

# %% [markdown]
# (In VIPSeg's numbers, 1 to 124 are regions such as sky and water, one segment each; a larger number is 100 times the
# category plus a count. A list of names comes with the data set.) The paths were not given: they were tracked in the
# video, as for a real clip. What a loss still needs is M.
#
# ### Exercise 4: M from panoptic masks
#
# Write `paper_mask(ids, chosen)` for segment numbers (T, H, W) and a list of those that are dragged. It returns (T, H /
# 8, W / 8) bool: True where any pixel of the square belongs to one of them.
#
# {{hints paper_mask}}

# %% exercise paper_mask
def paper_mask(ids, chosen):
    """The union of the chosen segments (T, H, W) at the size of the latents (T, H / 8, W / 8)."""
    ### BEGIN SOLUTION
    frames, height, width = ids.shape
    return np.isin(ids, chosen).reshape(frames, height // 8, 8, width // 8, 8).any(axis=(2, 4))
    ### END SOLUTION

# %% check paper_mask
check.paper_mask(paper_mask)

# %% [markdown]
# So the data is within reach. And the network? Let us build the released size without its weights, and count.

# %%
from draganything_lab.models import DragAnythingControlNet, DragAnythingUNet

with torch.device("meta"):  # shapes only: nothing is downloaded, and no memory is used
    sizes = {"UNet, frozen": DragAnythingUNet(), "ControlNet, trained": DragAnythingControlNet()}
sizes = {name: sum(weight.numel() for weight in net.parameters()) for name, net in sizes.items()}
need = {"UNet, frozen": 2, "ControlNet, trained": 4 + 4 + 8}  # bytes: fp16; weights, gradient, AdamW's two averages
for name, count in sizes.items():
    print(f"{name:20} {count / 1e6:6.0f} million weights  {count * need[name] / 1e9:5.1f} GB")
ours = sum(weight.numel() for weight in networks["masked"].parameters())
times = sizes["ControlNet, trained"] / ours
print(f"{'ours, trained':20} {ours / 1e6:6.2f} million weights: the real one is {times:,.0f} times as large")

# %% [markdown]
# Add the activations of all frames, which is why such training runs on data-centre GPUs. The lab has a command for it,
# `draganything-lab train controlnet`, which lesson 10 starts in miniature. Its parts are those of section 7, grown up:
#
# | here | there |
# |---|---|
# | `trained` | the same ControlNet, begun as a copy of the UNet; gradient checkpointing; on one or many GPUs |
# | `draw` | random windows of VIPSeg's clips, with your `paper_mask`; any sample can be drawn again by its number |
# | entity vectors | `clips features` computes them once per clip, in advance |
# | `loss` | the same masked error, with Stable Video Diffusion's noise levels and its VAE |
# | the loop | the same promise: killed at any moment, it goes on exactly; checks itself with videos on the way |
#
# Nobody has run it at full size yet: we had no GPU for days. `docs/full-size.md` says what was tried, and what it costs.
#
# The paper's numbers: AdamW at a rate of 1e-5, 100 000 steps, 25 frames of 320x576.
#
# ## What you have seen
#
# - Training data is videos together with the drags that they obey; Toyland makes both, and held-out seeds are for
#   testing.
# - A denoiser learns by guessing what is under the noise; a ControlNet learns to help it while it stays frozen.
# - The mask makes a loss look at what moves. It costs something outside; an interval says whether it gains inside.
# - A run is a list of numbered batches. So it can be stopped and resumed exactly.
# - Training on real data has the same parts, only larger.
#
# **Go further.** Train with `outside` 0.3. Take the Gaussian away (set channel 0 of the control to 0), then the colour
# instead: which one does it miss more? Train for ten times as many steps, and look at the shapes.
#
# **What next.** Lesson 10: the authors' own weights, what they cost, and where paper and code differ.
