# title: Controlled generation
# summary: From noise to a video, step by step, and how a drag steers it.
# minutes: 70
# gpu: the same; no step needs one
# download: nothing
# module: controlled_generation

# %% [markdown]
# # Lesson 4: Controlled generation
#
# {{badges}}
#
# A video model starts with noise and ends with a video. In between, it does one thing again and again: it guesses what
# is behind the noise, and takes a small step towards its guess. In this lesson you write this loop yourself, for a
# world so small that the perfect guess can be computed. Then you see how a ControlNet lets a drag steer it.
#
# {{cost}}
#
# **You will learn**
#
# 1. what noise levels are, and how they are chosen,
# 2. to denoise by hand, and to watch a picture appear,
# 3. what guidance does, and what it costs,
# 4. why a ControlNet starts with zeros, and how it learns all the same,
# 5. how often the released code adds the ControlNet's output, which the paper does not mention,
# 6. where our small network looks in the picture, and which pixels of its video it took from there.
#
# **You should know** numpy, and what a neural network is, roughly. Lesson 3 makes the arrays that steer the model.

# %% bootstrap

# %% [markdown]
# ## 1. Noise
#
# Take a picture x and add noise: `x + sigma * noise`. Sigma is the **noise level**. With a little noise the picture
# shines through. With a lot, it is gone. Our pictures are numbers from -1 to 1, as in the real model.

# %% studio

# %%
import numpy as np
from matplotlib import pyplot as plt

from draganything_lab import named_scene
from draganything_lab.lessons.controlled_generation import check

names = ("harbour", "sky", "road", "space", "pond", "meadow")
world = np.stack([named_scene(name, size=(40, 64), num_frames=1).video[0] for name in names]) / 127.5 - 1
rng = np.random.default_rng(0)
noise = rng.normal(size=world[0].shape)  # (40, 64, 3)
fig, axes = plt.subplots(1, 5, figsize=(12, 1.9))
for spot, sigma in zip(axes, (0, 0.3, 1, 3, 10)):
    noisy = world[0] + sigma * noise
    spot.imshow((noisy / max(1, sigma) / 2 + 0.5).clip(0, 1))
    spot.set(title=f"sigma {sigma}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Lesson 2 wrote it in another way: a share ᾱ of the picture was kept, `√ᾱ * x + √(1 - ᾱ) * noise`. That is the same,
# only paler: divide by √ᾱ, and the factor in front of the noise is a sigma.

# %%
kept = 0.3  # a share, as in lesson 2
other_way = kept**0.5 * world[0] + (1 - kept) ** 0.5 * noise
sigma = ((1 - kept) / kept) ** 0.5
assert np.allclose(other_way / kept**0.5, world[0] + sigma * noise)
print(f"where {kept:.0%} is kept, sigma is {sigma:.2f}")

# %% [markdown]
# How many steps, and which ones, lead from a lot of noise to none? Stable Video Diffusion (after Karras and others,
# 2022) bends the scale: it is even in sigma to the power 1/rho, with rho = 7. That gives a few large steps at high
# noise and many small steps at low noise: of ten levels, five lie below 10; evenly spaced, only one would.
#
# ### Exercise 1: the levels
#
# Write `levels(count, low, high, rho)`: `count` numbers from `high` down to `low`, evenly spaced in their 1/rho-th
# power.
#
# {{hints levels}}

# %% exercise levels
def levels(count, low, high, rho):
    """Noise levels from high down to low, evenly spaced in the power 1/rho."""
    ### BEGIN SOLUTION
    return np.linspace(high ** (1 / rho), low ** (1 / rho), count) ** rho
    ### END SOLUTION

# %% check levels
check.levels(levels)

# %%
from diffusers import EulerDiscreteScheduler

from draganything_lab.models.random import SCHEDULE  # the settings of Stable Video Diffusion

scheduler = EulerDiscreteScheduler(**SCHEDULE)
scheduler.set_timesteps(10)
by_hand = np.linspace(700 ** (1 / 7), 0.002 ** (1 / 7), 10) ** 7
assert np.allclose(scheduler.sigmas[:10], by_hand, rtol=1e-3)
print(*(f"{sigma:.3g}" for sigma in by_hand), "and the last step goes to", float(scheduler.sigmas[10]))

# %% [markdown]
# ## 2. The perfect denoiser
#
# A denoiser sees a noisy picture and guesses the clean one. A network learns it from millions of examples. But in a
# world of only six pictures, the best guess can be **computed**: each of the six might have been the one, and the noise
# tells you how likely each one is. The guess is their average, weighted by those probabilities.

# %%
def probabilities(x, sigma, pictures):
    distance = ((x - pictures) ** 2).sum(axis=(1, 2, 3))  # (6,): how far from each picture
    score = -distance / (2 * sigma**2)
    weight = np.exp(score - score.max())
    return weight / weight.sum()


def denoise(x, sigma, pictures=world):
    return np.tensordot(probabilities(x, sigma, pictures), pictures, axes=1)  # (40, 64, 3)


for sigma in (1, 10, 40, 100):
    print(f"sigma {sigma:3}:", probabilities(world[0] + sigma * noise, sigma, world).round(2))

# %% [markdown]
# At low noise it knows for sure (the first entry is the harbour). At very high noise it cannot know, and its guess is
# the average of all pictures: a blur. That is not a weakness: it is the best possible guess.
#
# ## 3. The loop
#
# Now walk. At noise level sigma you are at x and guess `clean`. The direction of the noise is (x - clean) / sigma. Go
# along it until the level is `next_sigma`:
#
# $$x \leftarrow x + \frac{x - \text{clean}}{\sigma}\,(\sigma_\text{next} - \sigma).$$
#
# ### Exercise 2: one step
#
# Write `euler_step(x, clean, sigma, next_sigma)`.
#
# {{hints euler_step}}

# %% exercise euler_step
def euler_step(x, clean, sigma, next_sigma):
    """One step of Euler's method from noise level sigma to next_sigma."""
    ### BEGIN SOLUTION
    return x + (x - clean) / sigma * (next_sigma - sigma)
    ### END SOLUTION

# %% check euler_step
check.euler_step(euler_step)

# %%
from itertools import pairwise


def sample(seed, guess=denoise, steps=10):
    sigmas = [*np.linspace(700 ** (1 / 7), 0.002 ** (1 / 7), steps) ** 7, 0.0]
    x = sigmas[0] * np.random.default_rng(seed).normal(size=world[0].shape)
    seen = []
    for sigma, following in pairwise(sigmas):
        clean = guess(x, sigma)
        x = x + (x - clean) / sigma * (following - sigma)
        seen.append((sigma, clean))
    return x, seen


x, seen = sample(seed=3)
fig, axes = plt.subplots(2, 5, figsize=(12, 3.6))
for spot, (sigma, clean) in zip(axes.ravel(), seen):
    spot.imshow((clean / 2 + 0.5).clip(0, 1))
    spot.set(title=f"sigma {sigma:.3g}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Watch the guesses. First the average of everything, then a decision, then nothing changes any more. **The large steps
# decide what it will be.** So that is also where a drag must have its effect.
#
# Another seed gives different noise, and another picture. Every sample is one of the six, because the denoiser knows no
# others:

# %%
final = [int(np.abs(sample(seed)[0] - world).mean(axis=(1, 2, 3)).argmin()) for seed in range(60)]
off = max(float(np.abs(sample(seed)[0] - world[final[seed]]).max()) for seed in range(6))
for k, name in enumerate(names):
    print(f"{name:8} {final.count(k):2} of 60")
print("largest difference from the picture itself:", round(off, 3))

# %% [markdown]
# The scheduler of diffusers takes the same step. (Its network does not predict the clean picture but a mixture called
# *v*; `c_skip` and `c_out` turn one into the other.)

# %%
import torch

sigma, following = by_hand[3], by_hand[4]
noisy = torch.tensor(world[0] + sigma * noise)[None]
clean = torch.tensor(denoise(noisy[0].numpy(), sigma))[None]
c_skip, c_out = 1 / (sigma**2 + 1), -sigma / (sigma**2 + 1) ** 0.5
v = (clean - c_skip * noisy) / c_out
scheduler.set_timesteps(10)
scheduler._step_index, scheduler.is_scale_input_called = 3, True  # as in the middle of a run
theirs = scheduler.step(v, scheduler.timesteps[3], noisy).prev_sample
ours = noisy + (noisy - clean) / sigma * (following - sigma)
print("largest difference:", float((theirs - ours).abs().max()))
assert torch.allclose(theirs.double(), ours.double(), atol=1e-2)

# %% [markdown]
# ## 4. Guidance
#
# Say we want a picture with water: the harbour or the pond. A denoiser that knows this condition averages only these
# two. **Guidance** exaggerates: it starts from the guess without the condition, and goes *beyond* the guess with it.
# DragAnything lets the scale rise over the frames, from 1 in the first to 3 in the last.
#
# ### Exercise 3: guided guesses
#
# Write `guided(without, with_, low, high)`. Both guesses have frames first, (T, ...). The scale rises evenly from `low`
# in the first frame to `high` in the last.
#
# {{hints guided}}

# %% exercise guided
def guided(without, with_, low, high):
    """Guesses (T, h, w) exaggerated with a scale that rises over the frames."""
    ### BEGIN SOLUTION
    scales = np.linspace(low, high, len(without))[:, None, None]
    return without + scales * (with_ - without)
    ### END SOLUTION

# %% check guided
check.guided(guided)

# %%
from draganything_lab.pipeline.sampling import guidance_scales

print("the library's scales for 5 frames:", guidance_scales(1.0, 3.0, 5).flatten().tolist())
water = world[[0, 4]]
for scale in (0, 0.5, 1, 3):

    def guess(x, sigma, scale=scale):
        return denoise(x, sigma) + scale * (denoise(x, sigma, water) - denoise(x, sigma))

    ends = [sample(seed, guess)[0] for seed in range(24)]
    nearest = [int(np.abs(end - world).mean(axis=(1, 2, 3)).argmin()) for end in ends]
    print(f"scale {scale:3}: {sum(k in (0, 4) for k in nearest):2} of 24 show water")

# %% [markdown]
# Scale 0 ignores the condition, 1 follows it. In our perfect world that is enough. A real network's guesses are
# uncertain: there, a larger scale obeys better, at the price of glaring colours. It also needs two guesses for every
# step, so it takes twice the time.
#
# ## 5. A ControlNet starts silent
#
# How does the drag get in? A second network, the **ControlNet**, reads the arrays of lesson 3, and its results are
# added inside the first network. At the start of training, these results must not disturb a network that already works.
# So they pass through a convolution whose weights are all **zero**.

# %%
from draganything_lab.models import DragAnythingControlNet

torch.manual_seed(0)
net = DragAnythingControlNet(
    block_out_channels=(32, 64), num_attention_heads=2, layers_per_block=1, cross_attention_dim=16,
    down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    entity_embedding_out_channels=(3, 8, 8, 16), conditioning_embedding_out_channels=(4, 8, 8, 16),
)  # fmt: skip
said = net(
    torch.randn(1, 2, 8, 8, 8), 1.0, torch.randn(1, 1, 16), torch.tensor([[6.0, 127.0, 0.02]]),
    controlnet_cond=255 * torch.rand(1, 2, 3, 64, 64), entity_map=torch.randn(1, 2, 3, 64, 64),
)  # fmt: skip
print("residuals:", [tuple(part.shape) for part in said.down], "and", tuple(said.mid.shape))
print("largest value of all of them:", max(float(part.detach().abs().max()) for part in [*said.down, said.mid]))

# %% [markdown]
# Exactly zero, whatever the input. But how can zeros learn? If weights are zero, is their gradient not zero, too?
#
# ### Exercise 4: the gradient of silence
#
# A 1x1 convolution computes `out = W @ given` at each pixel. The loss sends back, for each output channel and pixel, a
# number `back`. Then the gradient of W[o, i] is the sum over all pixels of back[o] · given[i]. Write
# `zero_gradient(given, back)` for `given` (I, H, W) and `back` (O, H, W). It returns (O, I).
#
# {{hints zero_gradient}}

# %% exercise zero_gradient
def zero_gradient(given, back):
    """Gradient (O, I) of the weights of a 1x1 convolution, from input (I, H, W) and what is sent back (O, H, W)."""
    ### BEGIN SOLUTION
    return np.einsum("ohw,ihw->oi", back, given)
    ### END SOLUTION

# %% check zero_gradient
check.zero_gradient(zero_gradient)

# %%
layer = torch.nn.Conv2d(2, 3, 1, bias=False)
torch.nn.init.zeros_(layer.weight)
given, target = torch.randn(1, 2, 6, 5), torch.randn(1, 3, 6, 5)
loss = ((layer(given) - target) ** 2).sum()
loss.backward()
back = (2 * (layer(given) - target))[0].detach().numpy()  # what the loss sends back
assert np.allclose(np.einsum("ohw,ihw->oi", back, given[0].numpy()), layer.weight.grad[:, :, 0, 0], atol=1e-3)
print("weights:", float(layer.weight.detach().abs().max()), " gradient:", round(float(layer.weight.grad.abs().max()), 2))

# %% [markdown]
# The gradient is made of the input, and the input is not zero. So the ControlNet is silent at first, but learns from
# the first step.
#
# ## 6. The paper against the released code
#
# Where are the results added? In the usual ControlNet, each is added once, on the way to the second half of the
# network. The released DragAnything code adds them **inside the loop** over the first half's blocks, and in each pass
# it adds to everything that was collected so far. In a sketch:
#
#     for block in down_blocks:              # 4 blocks
#         collected += block(...)            # this block's results
#         for k in range(len(collected)):
#             collected[k] += residuals[k]   # again, also for those of earlier blocks
#
# ### Exercise 5: how often
#
# Write `times_added(counts)`. `counts` says how many results each block collects, such as [4, 3, 3, 2]. It returns a
# list: for each result in order, how often its residual is added.
#
# {{hints times_added}}

# %% exercise times_added
def times_added(counts):
    """How often the residual of each collected result is added in the released loop."""
    ### BEGIN SOLUTION
    return [len(counts) - block for block, count in enumerate(counts) for _ in range(count)]
    ### END SOLUTION

# %% check times_added
check.times_added(times_added)

# %%
from draganything_lab.models import DragAnythingUNet

with torch.device("meta"):  # the shape of the released network without its numbers: nothing is downloaded
    released = DragAnythingUNet()
print("the library, at the released size:", released.residual_multiplicity)
assert released.residual_multiplicity == [4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1]

# %% [markdown]
# Is it an error? Perhaps it was. But the released weights were *trained* with it, so it is now part of the model: with
# each residual added once, it would be another model, which nobody has trained. No switch turns it off in this lab.
#
# ## 7. The real loop
#
# If the small trained model is here, watch it at work. A callback keeps x, noise and all, after every step. (In section
# 3 you saw the guess.)

# %%
from draganything_lab.lessons.weights import toy_pipeline, trained_at

pipe = toy_pipeline()
states = []
if pipe is not None:
    size, num_frames = trained_at(pipe)
    clip = named_scene("harbour", size=size, num_frames=num_frames)
    scene = clip.scene()

    def look(pipe, step, timestep, tensors):
        states.append(tensors["latents"].float().cpu())  # (1, frames, channels, h, w)
        return {}

    video = pipe(scene, seed=0, num_inference_steps=10, callback_on_step_end=look).frames
    print(len(states), "steps, latents", tuple(states[0].shape), "video", video.shape)

# %%
if pipe is not None:
    from IPython.display import display

    from draganything_lab import show
    from draganything_lab.pipeline.sampling import to_frames

    def decoded(latents):  # (frames, channels, h, w) to pictures
        with torch.no_grad():
            return to_frames(pipe.vae.decode(latents / pipe.vae.config.scaling_factor, len(latents)).sample, "np")

    fig, axes = plt.subplots(1, len(states), figsize=(11, 1.5))
    for step, (spot, state) in enumerate(zip(axes, states), start=1):
        spot.imshow(decoded(state[0][-1:])[0])  # the last frame
        spot.set(title=f"step {step}", xticks=[], yticks=[])
    plt.show()
    display(show.strip({"The video": video}, count=6))

# %% [markdown]
# Most steps look like nothing: x is nearly all noise until the last steps clear it away. Yet the result was decided
# long before, as in section 3. By default this model takes two steps, not ten, and was trained a while longer at just
# these two noise levels. Do more steps bring the moving objects nearer to the truth? One video, measured:

# %%
from draganything_lab.lessons.rivals import likeness

if pipe is not None:
    for steps in (1, 2, 5, 10):
        made = pipe(scene, seed=0, num_inference_steps=steps).frames
        print(f"{steps:2} steps: {likeness(made, clip)[0]:.1f} dB inside what moves (PSNR, more is better)")

# %% [markdown]
# ## 8. Where it looks
#
# A dragged object must look like itself. So wherever it goes, its pixels are fetched from the first frame, and the
# network has to know where from. The released network learned that with its attention layers: 100,000 steps, on top of
# a video network that had cost far more. Ours had a small fraction of that. So our ControlNet has an extra layer, which
# the released one does not have. For every position in every frame it looks in the **first** frame for the positions
# where the *control* was most similar, and fetches what the picture shows there. If the Gaussian and the vector are the
# same here as there, this is the same spot on the same object. Below: a circle marks where the middle of the dragged
# boat should be. Beside it you see where the layer looks from there in frame 0, with the outlines of boat (orange) and
# cloud (blue). First with Gaussian and vector, then with the Gaussian alone, and last with `carry` (lesson 3), which
# *says* where everything came from: there the layer uses the given position instead of guessing it.

# %%
from draganything_lab import build_control
from draganything_lab.control import entity_vectors
from draganything_lab.pipeline.control import embed_control


def looks_of(kind, vectors):
    """A video, where the boat's middle should be, and where each position of each frame looks in frame 0."""
    one = toy_pipeline(kind)
    control = build_control(scene, num_frames, representation=kind, vectors=vectors)
    with torch.no_grad():
        looks = one.controlnet.looks(embed_control(one.controlnet, control, "cpu"))[0]  # (frames, h, w, 4 h, 4 w)
    boat = [entity.name for entity in scene.controlled].index("boat")
    return one(scene, seed=0).frames, control.centres[:, boat], looks


# %%
def watch(kind, vectors, frames):
    generated, middles, looks = looks_of(kind, vectors)
    axes = plt.figure(figsize=(10, 2.8), layout="constrained").subplots(1, 4)
    for (asked, looked), frame in zip(axes.reshape(2, 2), frames):
        x, y = middles[frame]
        asked.imshow(generated[frame], interpolation="nearest")
        asked.plot(x, y, "o", color="#D55E00", markerfacecolor="none", markersize=14, markeredgewidth=2)
        asked.set_title(f"{kind}, frame {frame}", fontsize=10)
        here = looks[frame, int(y) // 8, int(x) // 8].reshape(size[0] // 8, 4, size[1] // 8, 4).sum((1, 3))
        spots = np.kron(here, np.ones((8, 8)))  # one latent cell is 8x8 pixels
        looked.imshow(scene.image // 3)
        looked.imshow(np.full((*size, 3), (255, 200, 0), np.uint8), alpha=(spots / spots.max()) ** 0.5)
        looked.set_title("looks here in frame 0", fontsize=10)
        for name, colour in (("boat", "#D55E00"), ("cloud", "#56B4E9")):
            looked.contour(scene[name].mask, [0.5], colors=colour)
    plt.setp(axes, xticks=[], yticks=[])


# %%
if pipe is not None:
    vectors = entity_vectors(scene, pipe.features)
    for kind in ("entity+gaussian", "gaussian", "carry"):
        watch(kind, vectors, (num_frames // 2, num_frames - 1))

# %% [markdown]
# Boat and cloud both have a Gaussian, of about the same size. Does the Gaussian alone look at the boat *and* at the
# cloud? The vector says which of the two it is. That is the paper's idea at work. And how sharp is the spot in the last
# row? One seed and one scene prove nothing (lesson 6 counts), but now you know what to look for. Try `watch("point",
# vectors, (3, 9))`.
#
# ## 9. What was copied, and what was generated
#
# The last step turns latents into pixels. A VAE's decoder alone must draw every pixel anew, and here it has only a few
# numbers for each cell of 8x8 pixels. But the picture is still available. So the small model ends with a **reference
# decoder**, which the released one does not have. It mixes each pixel from four sources: what was **carried along**
# from the picture, what the picture shows **in this place**, what is **generated**, and what a separate small network
# has **filled** in where an object left a hole, guessing from its surroundings. `.shares` says how much of each.

# %%
carry = toy_pipeline("carry")
if carry is not None:
    told = carry(scene, seed=0)
    print("shares", told.shares.shape, " their sum is 1:", bool(np.allclose(told.shares.sum(-1), 1, atol=1e-4)))

# %% [markdown]
# Three of the four sources need no sampling, so we can mix by hand. Where (nearly) nothing was generated, the result
# must be the video itself:

# %%
if carry is not None:
    offered = told.control.layers.carry(scene.image, range(num_frames), fill=carry.decoder.fill)
    along, in_place, made, filled = np.moveaxis(told.shares[..., None], -2, 0)  # each (frames, H, W, 1)
    mixed = along * offered.pictures + in_place * scene.image + filled * offered.filled
    taken = made[..., 0] < 0.005
    off = np.abs(mixed - told.frames).max(-1)[taken]
    assert off.max() < 4  # of 255: rounding, and the little that was generated
    print(f"{taken.mean():.0%} of all pixels are taken from the picture; by hand they differ by {off.mean():.2f} of 255")

# %%
if carry is not None:
    fig, axes = plt.subplots(2, 5, figsize=(11, 4.6), layout="constrained")
    titles = ("the last frame", "carried along", "in place", "generated", "filled in")
    for row, kind, result in zip(axes, ("carry", "entity+gaussian"), (told, pipe(scene, seed=0))):
        row[0].imshow(result.frames[-1], interpolation="nearest")
        row[0].set_ylabel(kind)
        for k, spot in enumerate(row[1:]):
            spot.imshow(result.shares[-1, ..., k].round(1), vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
        for title, spot in zip(titles, row):
            spot.set_title(title if kind == "carry" else "")
    plt.setp(axes, xticks=[], yticks=[])
    plt.show()

# %% [markdown]
# In the upper row, the drag says where everything came from. In the lower row, the decoder follows the lookup's
# guesses, put in order as we shall see, and nothing says where a hole is. (So "filled" is empty there.) Where is each
# of the two confident? Here are the numbers, next to those of the VAE alone, which draws everything:

# %%
if carry is not None:
    inside = clip.masks[[thing.role == "moved" for thing in clip.world.things]].any(0)  # (frames, H, W)
    left = inside[:1] & ~inside
    for kind, one in {"carry": carry, "entity+gaussian": pipe}.items():
        for where, mask in {"inside what moves": inside, "where it has left": left}.items():
            shares = one(scene, seed=0).shares[1:][mask[1:]].mean(0)
            print(f"{kind:16} {where}:", ", ".join(f"{title} {s:.0%}" for title, s in zip(titles[1:], shares)))
        for name, reference in {"with the picture at hand": True, "by the VAE alone": False}.items():
            alike = likeness(one(scene, seed=0, with_reference=reference).frames, clip)
            print(f"{'':16} {name}: {alike[0]:.1f} dB inside, {alike[1]:.1f} dB where it has left")

# %% [markdown]
# What is carried along stays sharp, because it is copied from the picture. What is uncovered must be invented, and
# there a small network is blurry: look again at where the boat and the cloud have been. And compare the last two lines:
# does having the picture help there, too? Pixels fetched from the wrong place are just as sharp, and wrong. The decoder
# is only as good as its pointers, so they are first brought to agree (`models.agreed`): things move as wholes, and a
# pointer that comes near the way that the drag draws takes that way.
#
# ## What you have seen
#
# - Noise levels run from high to low: a few large steps first, then small ones.
# - A denoiser guesses the clean picture; the best guess at high noise is an average.
# - Sampling walks towards the guess step by step, and the first ones decide.
# - Guidance exaggerates a condition and doubles the cost.
# - A ControlNet starts silent, but its gradient is not zero.
# - The released code adds its residuals up to four times, and its weights depend on it.
# - Content is fetched from the first frame: from where the control was similar, or from where the drag says.
# - A decoder that has the picture copies what it can and generates the rest; `.shares` says which is which.
#
# **Go further.** Use 3 steps instead of 10 in `sample`: do the pictures survive? Remove the picture that came up most
# often, and see which ones its seeds lead to then.
#
# **What next.** Lesson 5 measures whether the result obeyed.
