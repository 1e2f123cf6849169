"""Fréchet distances and intervals against independent implementations, hand-computed cases and known Gaussians."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, stats

from draganything_lab.errors import LabError
from draganything_lab.evaluate.metrics import (
    Extractor,
    Protocol,
    bootstrap,
    frechet,
    frechet_distance,
    frechet_of_gaussians,
    frechet_of_videos,
    mean_of,
    sign_test,
    thumbnails,
    vae_latents,
    wilson,
)
from draganything_lab.toyland import sample_clip

PLAIN = Protocol.of("Fréchet distance", features="made up")


def by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    """The textbook formula with scipy's root of a matrix."""
    s_a, s_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(s_a @ s_b)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s_a + s_b - 2 * root.real))


@pytest.mark.parametrize(("n", "m", "dimensions"), [(40, 60, 5), (300, 200, 12), (9, 30, 7)])
def test_it_equals_the_formula_with_scipys_root(n: int, m: int, dimensions: int) -> None:
    rng = np.random.default_rng(n)
    mix = rng.normal(size=(dimensions, dimensions))
    a, b = rng.normal(size=(n, dimensions)) @ mix, 2 * rng.normal(size=(m, dimensions)) + 1
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-8)
    gaussians = [(rows.mean(0), np.cov(rows, rowvar=False)) for rows in (a, b)]
    assert frechet_of_gaussians(*gaussians[0], *gaussians[1]) == pytest.approx(by_scipy(a, b), rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b))


def test_by_hand() -> None:
    # One dimension: means 1 and 4, variances 1 and 9: 3^2 + (1 - 3)^2 = 13.
    assert frechet_of_gaussians([1], [[1]], [4], [[9]]) == pytest.approx(13)
    # {0, 2} and {3, 9}: means 1 and 6, variances 2 and 18: 25 + (3 - 1)^2 * 2 = 33.
    assert frechet_distance([[0], [2]], [[3], [9]]) == pytest.approx(33)
    assert frechet_distance([[0, 1], [2, 5]], [[0, 1], [2, 5]]) == pytest.approx(0, abs=1e-12)


def test_a_known_gaussian() -> None:
    rng = np.random.default_rng(1)
    spread_a, spread_b, shift = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.0, 0.5]), np.array([0.0, 1.0, -1.0])
    true = (shift**2).sum() + ((spread_a - spread_b) ** 2).sum()
    a, b = rng.normal(size=(40_000, 3)) * spread_a, rng.normal(size=(40_000, 3)) * spread_b + shift
    assert frechet_distance(a, b) == pytest.approx(true, rel=0.02)


def test_fewer_samples_than_dimensions_are_computed_and_said() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(12, 50)), rng.normal(size=(14, 50))
    # With singular matrices scipy's root loses digits; the eigenvalues of the product do not.
    cross = np.sqrt(np.linalg.eigvals(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real.clip(0)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum() - 2 * cross
    found = frechet(a, b, PLAIN, resamples=30)
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert "12 samples for 50 dimensions" in str(found) and "real 12 clips" in str(found)
    assert any("two halves of the real clips" in note for note in found.notes)


def test_the_interval_holds_the_number_and_what_samples_of_this_size_give() -> None:
    def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        return rng.normal(size=(40, 12)), rng.normal(size=(40, 12)) + 0.3

    expected = np.mean([frechet_distance(*draw(seed)) for seed in range(1000, 1200)])
    held = 0
    for seed in range(40):
        found = frechet(*draw(seed), PLAIN, resamples=60, seed=seed)
        assert found.low < found.value < found.high  # plain percentiles would lie above the number
        held += found.low <= expected <= found.high
    assert held >= 33, "a 95 % interval ought to hold it about 38 times in 40"


def test_clips_are_drawn_whole() -> None:
    rng = np.random.default_rng(3)
    clips_a, clips_b = rng.normal(size=(12, 2)), rng.normal(size=(12, 2)) + 1
    a, b = (np.repeat(clips, 10, axis=0) + 0.01 * rng.normal(size=(120, 2)) for clips in (clips_a, clips_b))
    groups = [clip for clip in range(12) for _ in range(10)]
    whole = frechet(a, b, PLAIN, real_groups=groups, fake_groups=groups)
    loose = frechet(a, b, PLAIN)
    assert whole.count == 12 and loose.count == 120
    assert whole.high - whole.low > 2 * (loose.high - loose.low)
    assert frechet(a, b, PLAIN, real_groups=groups, fake_groups=groups).as_dict() == whole.as_dict()  # seeded


def test_bad_features_are_refused_by_name() -> None:
    good = np.random.default_rng(0).normal(size=(5, 3))
    bad = good.copy()
    bad[2, 1] = np.nan
    with pytest.raises(LabError, match=r"fake features are not finite in 1 of 5 samples \(sample 2 first\)"):
        frechet_distance(good, bad)
    with pytest.raises(LabError, match="3 dimensions, fake ones 2"):
        frechet_distance(good, good[:, :2])
    with pytest.raises(LabError, match="1 sample"):
        frechet_distance(good[:1], good)
    with pytest.raises(LabError, match="shape"):
        frechet_distance(good[0], good)
    with pytest.raises(LabError, match="finite"):
        frechet_of_gaussians([np.inf], [[1]], [0], [[1]])


# Videos


def test_on_toyland_shuffled_videos_are_near_and_frozen_ones_far() -> None:
    clips = [sample_clip(seed, (32, 32), 4).video for seed in range(16)]
    frozen = [np.repeat(clip[:1], 4, axis=0) for clip in clips[8:]]
    near = frechet_of_videos(clips[:8], clips[8:], thumbnails(2), resamples=20, data="Toyland")
    far = frechet_of_videos(clips[:8], [255 - clip for clip in frozen], thumbnails(2), resamples=20)
    assert near.value < far.value and "too few: 8 clips" in str(near)
    assert near.protocol.name == "Fréchet distance on thumbnails" and near.protocol["frames"] == "4"
    assert "FVD" not in str(near)


def test_black_videos_are_said() -> None:
    black = [np.zeros((3, 16, 16, 3), np.uint8)] * 4
    found = frechet_of_videos(black, black, thumbnails(2), resamples=5)
    assert found.value == 0 and "black or constant" in str(found)


def test_bad_videos_are_refused() -> None:
    clips = [np.zeros((t, 16, 16, 3), np.uint8) for t in (3, 3, 4)]
    with pytest.raises(LabError, match="3 to 4 frames; cut them to 3"):
        frechet_of_videos(clips, clips, thumbnails())
    with pytest.raises(LabError, match="two or more"):
        frechet_of_videos([], clips[:2], thumbnails())
    broken = Extractor("x", "made up", lambda video: np.full((1, 3), np.nan))
    with pytest.raises(LabError, match="made up: the features of this video are not finite"):
        frechet_of_videos(clips[:2], clips[:2], broken)
    wrong = Extractor("x", "made up", lambda video: np.zeros(3))
    with pytest.raises(LabError, match=r"return \(1, D\)"):
        wrong(clips[0])


def test_one_frame_has_features_but_no_change() -> None:
    rows = thumbnails(2)(np.full((1, 8, 8, 3), 51, np.uint8))
    assert rows.shape == (1, 24) and np.allclose(rows[0, :12], 0.2) and not rows[0, 12:].any()


def test_latents_of_a_small_vae() -> None:
    torch = pytest.importorskip("torch")
    from diffusers import AutoencoderKLTemporalDecoder

    torch.manual_seed(0)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        latent_channels=4,
        layers_per_block=1,
    )
    extractor = vae_latents(vae, "tiny")
    clip = sample_clip(0, (32, 32), 3).video
    rows = extractor(clip)
    assert rows.shape == (1, 12) and np.array_equal(rows, extractor(clip))
    still = extractor(np.repeat(clip[:1], 3, axis=0))
    # The last third is change over time; equal frames may differ in the last bit, by how a batch is split over threads.
    assert np.abs(still[0, 8:]).max() < 1e-5 < 1e-3 < np.abs(rows[0, 8:]).min()
    assert extractor.measure == "Fréchet distance on tiny VAE latents"


# Networks from elsewhere: only the way to them, without their weights


def test_weights_that_are_not_there_are_said_with_their_size_and_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch_fidelity")
    from draganything_lab.evaluate.metrics import i3d, inception, videomae

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(LabError, match=r"95\.6 MB, Apache-2\.0"):
        inception()
    with pytest.raises(LabError, match="not for commercial use"):
        videomae(tmp_path / "none")
    with pytest.raises(LabError, match="is not a file"):
        i3d(tmp_path / "i3d.pt")
    (tmp_path / "page.pt").write_text("<!doctype html>")
    for make in (i3d, inception):
        with pytest.raises(LabError, match="web page"):
            make(tmp_path / "page.pt")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(LabError, match="does not hold Inception"):
        inception(tmp_path / "other.pth")


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_i3d_is_called_as_that_file_is_called(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from draganything_lab.evaluate.metrics import i3d

    class Stub(torch.nn.Module):
        def forward(self, x: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False):
            assert rescale and resize and return_features
            return x.mean(dim=[2, 3, 4])

    torch.jit.script(Stub()).save(str(tmp_path / "i3d.pt"))
    extractor = i3d(tmp_path / "i3d.pt", device="cpu")
    clip = np.zeros((10, 8, 8, 3), np.uint8)
    clip[..., 1] = 7
    assert extractor(clip).tolist() == [[0, 7, 0]] and extractor.measure == "FVD"
    with pytest.raises(LabError, match="8 frames; use 10 frames or more"):
        extractor(clip[:8])


def test_videomae_takes_any_length_at_its_own_size(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import VideoMAEConfig, VideoMAEModel

    from draganything_lab.evaluate.metrics import videomae

    config = VideoMAEConfig(
        image_size=16,
        patch_size=8,
        num_frames=4,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    VideoMAEModel(config).save_pretrained(tmp_path / "tiny")
    extractor = videomae(tmp_path / "tiny", device="cpu")
    assert extractor(sample_clip(0, (32, 32), 3).video).shape == (1, 8)
    assert extractor.measure == "FVD, VideoMAE" and "tiny, 4 frames" in extractor.features


@pytest.mark.slow
def test_inception_with_other_weights_is_not_called_fid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    from draganything_lab.evaluate.metrics import inception

    kind = fidelity.FeatureExtractorInceptionV3
    monkeypatch.setattr(fidelity, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(kind, "load_state_dict", lambda self, state: None)
    torch.manual_seed(0)
    torch.save(kind("x", ["2048"]).state_dict(), tmp_path / "random.pth")
    monkeypatch.undo()
    extractor = inception(tmp_path / "random.pth", device="cpu")
    rows = extractor(sample_clip(0, (32, 32), 2).video)
    assert rows.shape == (2, 2048) and extractor.measure == "Fréchet distance on Inception features"


# Intervals


def test_bootstrap_is_near_scipys_bca() -> None:
    values = np.random.default_rng(0).lognormal(sigma=1.2, size=12)  # skewed: plain percentiles are 10 % off
    mine = bootstrap(values, resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=1).confidence_interval
    assert mine == pytest.approx((theirs.low, theirs.high), rel=0.02)
    slow = bootstrap(values, lambda rows: float(rows.mean()), resamples=4000)
    assert slow == pytest.approx(mine, rel=0.04)
    assert bootstrap(values) == bootstrap(values) != bootstrap(values, seed=1)


def test_bootstrap_covers_the_truth_and_groups_make_it_honest() -> None:
    held = {"groups": 0, "loose": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=25), 8) + 0.1 * rng.normal(size=200)
        groups = [scene for scene in range(25) for _ in range(8)]
        for name, keys in (("groups", groups), ("loose", None)):
            low, high = bootstrap(values, groups=keys, resamples=300, seed=seed)
            held[name] += low <= 0 <= high
    assert held["groups"] >= 0.87 * 60 and held["loose"] < 0.7 * 60


def test_bootstrap_refuses_what_has_no_interval() -> None:
    assert all(map(math.isnan, bootstrap([1.0])))
    assert all(map(math.isnan, bootstrap([1.0, 2.0], groups=["a", "a"])))
    assert bootstrap([3.0, 3.0, 3.0]) == (3.0, 3.0)
    with pytest.raises(LabError, match="not finite"):
        bootstrap([1.0, math.nan])
    with pytest.raises(LabError, match="2 values but 1 groups"):
        bootstrap([1.0, 2.0], groups=["a"])
    with pytest.raises(LabError, match="level"):
        bootstrap([1.0, 2.0], level=1.5)


def test_few_samples_and_missing_ones_are_said() -> None:
    found = mean_of([1.0, math.nan, 3.0], PLAIN, unit="px", groups=["a", "b", "c"])
    assert found.value == 2 and found.count == 2
    assert "1 of 3 values could not be measured" in str(found) and "too few: 2 scenes" in str(found)
    assert "px (2 scenes; Fréchet distance; features made up)" in str(found)
    one = mean_of([1.0], PLAIN)
    assert math.isnan(one.low) and "too few: 1 scene, so there is no interval" in str(one)
    assert not mean_of(np.arange(10.0), PLAIN).notes
    assert mean_of([math.nan], PLAIN).as_dict()["value"] is None


def test_wilson_and_sign_test_are_scipys() -> None:
    for wins, total in ((0, 7), (5, 9), (63, 100), (30, 30)):
        theirs = stats.binomtest(wins, total).proportion_ci(method="wilson")
        assert wilson(wins, total) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
        assert sign_test(wins, total - wins) == pytest.approx(stats.binomtest(wins, total).pvalue)
    assert wilson(0, 0) == (0, 1) and sign_test(0, 0) == 1
    with pytest.raises(LabError, match="not a share"):
        wilson(3, 2)


def test_pairs_are_drawn_together() -> None:
    rng = np.random.default_rng(5)
    real = rng.normal(size=(30, 2))
    fake = real + 0.1 * rng.normal(size=(30, 2)) + 0.5  # the same scenes, all off by the same
    names = [f"scene {k}" for k in range(30)]
    turned = rng.permutation(30)
    apart = frechet(real, fake, PLAIN, real_groups=names, fake_groups=names)
    shuffled = [names[k] for k in turned]
    together = frechet(real, fake[turned], PLAIN, real_groups=names, fake_groups=shuffled, paired=True)
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low < 0.5 * (apart.high - apart.low)
    with pytest.raises(LabError, match="different groups"):
        frechet(real, fake, PLAIN, real_groups=names, fake_groups=list(range(30)), paired=True)
