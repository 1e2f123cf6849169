"""Lucas and Kanade for a whole layer: the shift, turn and zoom with which its pixels fit every frame best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..flow import field_at, inside
from .evidence import Evidence
from .similarity import Motion, as_complex, as_points

MOST_PIXELS = 1500
LOST = 0.55  # mean misfit beyond which a layer counts as not found in a frame
JUMP = 0.6  # misfit that a jump across the whole picture must save: objects keep their speed
ONE_FRAME = tuple[complex, complex]


def align(
    evidence: Evidence,
    pixels: NDArray[np.intp],
    guess: Motion,
    known: NDArray[np.bool_],
    hidden: NDArray[np.bool_] | None = None,
) -> tuple[Motion, NDArray[np.float64]]:
    """Follow a layer through the clip by its pixels.

    Each frame starts from the best fit among the guess, the frame before, and the frame before moved on at the same
    speed, so a layer that reappears from behind something is found again.

    Args:
        evidence: Evidence of the clip.
        pixels: (N, 2) whole (x, y): the layer in frame 0.
        guess: Motion to start from.
        known: (T,) bool: frames in which the guess can be used.
        hidden: (T, N) bool: pixels behind something else; None if there are none.

    Returns:
        The motion, and the mean misfit 0..1 in each frame, (T,); in a frame where it is not found, it keeps its speed.

    Source: Lucas and Kanade, 1981; Geman and McClure's weights against pixels that do not belong to the layer.
    """
    if len(pixels) > MOST_PIXELS:
        chosen = np.linspace(0, len(pixels) - 1, MOST_PIXELS).astype(int)
        pixels, hidden = pixels[chosen], None if hidden is None else hidden[:, chosen]
    middle = complex(as_complex(pixels).mean())
    # From here on, a frame's motion is (turn, position of the centre), which hardly depend on each other.
    turns, places = [1 + 0j], [middle]
    misfits = np.zeros(evidence.count)
    for t in range(1, evidence.count):
        seen = np.ones(len(pixels), bool) if hidden is None else ~hidden[t]
        starts: list[ONE_FRAME] = [(turns[-1], places[-1])]
        if t > 1:
            starts.append((turns[-1], 2 * places[-1] - places[-2]))
        if known[t]:
            starts.append((complex(guess.turn[t]), complex(guess.turn[t] * middle + guess.shift[t])))
        steady = starts[min(t, 2) - 1][1]

        found = [_rated(evidence, pixels, seen, middle, start, steady, t) for start in starts]
        for _, _, start in sorted(found, key=lambda rating: rating[0])[:2]:
            rough = _refined(evidence, pixels, seen, middle, start, t, soft=True)
            fine = _refined(evidence, pixels, seen, middle, rough, t, soft=False)
            found.append(_rated(evidence, pixels, seen, middle, fine, steady, t))
        _, misfit, best = min(found, key=lambda rating: rating[0])
        if misfit > LOST:
            best = turns[-1], steady
        misfits[t] = misfit
        turns.append(best[0])
        places.append(best[1])
    turn, place = np.array(turns), np.array(places)
    return Motion(turn, place - turn * middle), misfits


def _rated(
    evidence: Evidence,
    pixels: NDArray[np.intp],
    seen: NDArray[np.bool_],
    middle: complex,
    at: ONE_FRAME,
    steady: complex,
    frame: int,
) -> tuple[float, float, ONE_FRAME]:
    """The cost of a position, including the jump; its mean misfit 0..1; the position itself."""
    points = as_points(at[0] * (as_complex(pixels) - middle) + at[1])
    use = seen & inside(points, evidence.size)
    enough = use.sum() >= max(3, 0.15 * len(pixels))
    misfit = float(evidence.misfit(frame, points[use], pixels[use]).mean()) if enough else 1.0
    return misfit + JUMP * abs(at[1] - steady) / max(evidence.size), misfit, at


def _refined(
    evidence: Evidence,
    pixels: NDArray[np.intp],
    seen: NDArray[np.bool_],
    middle: complex,
    start: ONE_FRAME,
    frame: int,
    *,
    soft: bool,
) -> ONE_FRAME:
    """Take a few Gauss-Newton steps from a start."""
    turn, place = start
    wanted = evidence.picture(0, soft=soft)[pixels[:, 1], pixels[:, 0]]
    picture, slopes = evidence.picture(frame, soft=soft), evidence.slopes(frame, soft=soft)
    tolerance = evidence.tolerance[pixels[:, 1], pixels[:, 0]].astype(np.float64)
    scale = tolerance * (3.0 if soft else 1.5)
    arm = as_complex(pixels) - middle
    for _ in range(5):
        points = as_points(turn * arm + place)
        use = seen & inside(points, evidence.size)
        miss = (field_at(picture, points) - wanted).astype(np.float64)  # (N, 3)
        across, down = (field_at(slope, points).astype(np.float64) for slope in slopes)
        weight = use / (1 + (miss**2).mean(axis=-1) / scale**2) ** 2 / tolerance**2
        x, y = arm.real[:, None], arm.imag[:, None]
        by = np.stack([across * x + down * y, down * x - across * y, across, down])  # (4, N, 3): d miss / d parameter
        flat, weighted = by.reshape(4, -1), (by * weight[:, None]).reshape(4, -1)
        normal, pull = weighted @ flat.T, weighted @ miss.ravel()
        firm = (normal[2, 2] + normal[3, 3]) / 2
        if firm <= 0:  # nothing visible, or no texture to align
            break
        stiff = 1.2 * evidence.pixel**2 * firm  # turn and zoom must pay off: small objects are only shifted
        normal[np.diag_indices(4)] += [stiff, stiff, 1e-3 * firm + 1e-9, 1e-3 * firm + 1e-9]
        pull[:2] += stiff * np.array([turn.real - 1, turn.imag])
        step = -np.linalg.solve(normal, pull)
        turn, place = turn + complex(step[0], step[1]), place + complex(step[2], step[3])
        if abs(step[2]) + abs(step[3]) < 0.005:
            break
    return turn, place
