"""Choose Scrapbook's artwork from the unpacked collections, and shrink its pictures: cropped, resized, WebP.

Excluded are pictures without a free licence or with ShareAlike, flags, logos, people's pictures, signs, skin-tone and
gender variants (near-duplicates), and flat or tiny drawings.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from .archives import ARCHIVES, Say, fetch, unpack
from .artwork import Artwork, Entry, premultiplied, write_pack

CUTOUT_SIDE = 192  # maximum pixels of a cut-out's longer side
PHOTO_SIDE = 640
ONE_IN = 12  # cut-outs is held out
CHOICE = 1  # increase this when the choice of pictures or their encoding changes
# Code points of emoji that are signs on plain squares, or letters, arrows, clock faces.
_SIGNS = (
    (0x23, 0x39),
    (0xA9, 0xAE),
    (0x203C, 0x23F3),
    (0x23F8, 0x25FE),
    (0x2610, 0x2611),
    (0x2626, 0x2653),
    (0x267B, 0x267F),
    (0x2695, 0x2695),
    (0x269B, 0x26A7),
    (0x26AA, 0x26AB),
    (0x26CE, 0x26CE),
    (0x26D4, 0x26D4),
    (0x2705, 0x2705),
    (0x2714, 0x271D),
    (0x2721, 0x2721),
    (0x2733, 0x2747),
    (0x274C, 0x2757),
    (0x2795, 0x27BF),
    (0x2934, 0x2B1C),
    (0x2B55, 0x2B55),
    (0x3030, 0x3299),
    (0x1F170, 0x1F251),
    (0x1F4A0, 0x1F4A0),
    (0x1F4AF, 0x1F4B2),
    (0x1F4F3, 0x1F4F6),
    (0x1F500, 0x1F507),
    (0x1F518, 0x1F524),
    (0x1F532, 0x1F53D),
    (0x1F549, 0x1F549),
    (0x1F550, 0x1F567),
    (0x1F595, 0x1F595),
    (0x1F6AC, 0x1F6AC),
    (0x1F5E3, 0x1F5E3),
    (0x1F6AB, 0x1F6B1),
    (0x1F6B3, 0x1F6BE),
    (0x1F6C2, 0x1F6C5),
    (0x1F7E0, 0x1F7F0),
)
_OPENCLIPART = (
    "animals",
    "buildings",
    "containers",
    "decorations",
    "education",
    "electronics",
    "food",
    "geography/astronomy",
    "office",
    "people/clothing/hats",
    "plants",
    "recreation/art",
    "recreation/games/chess",
    "recreation/games/dice",
    "recreation/holiday",
    "recreation/music",
    "recreation/party",
    "recreation/sports",
    "recreation/toys",
    "science",
    "tools",
    "transportation",
    "computer/hardware",
)
_NOT = ("weapons", "roadsigns", "aiga-symbols", "hummers", "logo", "flag", "alcohol", "mermaid", "beer", "cigar", "gun")
_ARCADE = ("alien", "animated_characters", "enemies", "items", "space_shooter", "tiles", "topdown_tanks")
# The photographs: file, what it shows, licence, author, held out.
LOMIRI = (
    ("aitzgorri_by_Aitzol_Berasategi.jpg", "aitzgorri", "CC-BY-4.0", "Aitzol Berasategi", False),
    ("friends_by_Aitzol_Berasategi.jpg", "friends", "CC-BY-4.0", "Aitzol Berasategi", False),
    ("life_by_Aitzol_Berasategi.jpg", "life", "CC-BY-4.0", "Aitzol Berasategi", False),
    ("picosdeeuropa_by_Aitzol_Berasategi.jpg", "picos de europa", "CC-BY-4.0", "Aitzol Berasategi", True),
    ("Picture_0B_by_freespace.jpg", "picture 0B", "CC-BY-4.0", 'Trevor "Freespace"', False),
    ("Picture_1A_by_freespace.jpg", "picture 1A", "CC-BY-4.0", 'Trevor "Freespace"', False),
    ("seeding_by_Clements_Engelhardt.jpg", "seeding", "CC0-1.0", "Clemens Engelhardt", False),
    ("sunset_by_Aitzol_Berasategi.jpg", "sunset", "CC-BY-4.0", "Aitzol Berasategi", False),
    ("umang_by_Abhishek_Mudgal.jpg", "umang", "CC-BY-4.0", "Abhishek Mudgal", False),
    ("Wine_by_Jakkub_Mede.jpg", "wine", "CC-BY-4.0", "Jakub Mede", True),
)
SCIKIT_IMAGE = (
    ("astronaut.png", "astronaut", "public domain", "NASA", False),
    ("chelsea.png", "cat", "CC0-1.0", "Stefan van der Walt", False),
    ("brick.png", "bricks", "CC0-1.0", "CC0Textures", False),
    ("grass.png", "grass", "CC0-1.0", "linolafett", False),
    ("gravel.png", "gravel", "CC0-1.0", "CC0Textures", False),
    ("hubble_deep_field.jpg", "galaxies", "public domain", "NASA", False),
    ("coffee.png", "coffee", "CC0-1.0", "Rachel Michetti", True),
    ("rocket.jpg", "rocket launch", "public domain", "SpaceX", True),
)
Item = tuple[Entry, bytes]


def _held_out(group: str) -> bool:
    """Whether a group of similar cut-outs is held out from training: one in twelve, by a hash of its name."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % ONE_IN == 0


def cropped(rgba: NDArray[np.uint8], side: int = CUTOUT_SIDE) -> NDArray[np.uint8] | None:
    """Crop a cut-out to its content and shrink it.

    Args:
        rgba: (H, W, 4) uint8, straight alpha.
        side: Maximum pixels of the longer side afterwards.

    Returns:
        (h, w, 4) uint8, straight alpha; None if it is unsuitable: almost empty, a filled rectangle, or mostly
        translucent.
    """
    rows, columns = np.nonzero(rgba[..., 3] > 8)
    if len(rows) < 400:
        return None
    rgba = rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    solid, seen = float((rgba[..., 3] > 200).mean()), float((rgba[..., 3] > 8).mean())
    if max(rgba.shape) < 40 or seen < 0.06 or solid > 0.97 or solid < 0.75 * seen:
        return None
    out = premultiplied(rgba)
    scale = side / max(rgba.shape[:2])
    if scale < 1:
        size = max(2, round(rgba.shape[1] * scale)), max(2, round(rgba.shape[0] * scale))
        out = np.asarray(cv2.resize(out, size, interpolation=cv2.INTER_AREA), np.uint8)
    alpha = out[..., 3:].astype(np.float32)
    straight = np.where(alpha > 0, out[..., :3] * 255.0 / np.maximum(alpha, 1), 0)
    return np.concatenate([np.clip(np.rint(straight), 0, 255).astype(np.uint8), out[..., 3:]], axis=2)


def colours(rgba: NDArray[np.uint8]) -> int:
    """Number of colours, of 4,096, among the opaque pixels."""
    coarse = rgba[rgba[..., 3] > 200][:, :3].astype(np.int32) >> 4
    return len(np.unique(coarse @ (256, 16, 1)))


def encoded(picture: NDArray[np.uint8], most: int = 14_000) -> bytes:
    """WebP bytes of an (H, W, 3 or 4) RGB(A) picture: lossless if that takes at most `most` bytes."""
    way = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    data = b""
    for quality in (101, 94):
        data = cv2.imencode(".webp", cv2.cvtColor(picture, way), [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        if len(data) <= most:
            break
    return data


def _read(path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 4) uint8 RGBA with straight alpha; None for a picture without alpha."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
        return None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8)


def _emoji_fits(points: list[int]) -> bool:
    if any(0x1F3FB <= p <= 0x1F3FF or 0x1F1E6 <= p <= 0x1F1FF or p in (0x20E3, 0x1F3F3, 0x1F3F4) for p in points):
        return False
    if any(p in (0x2640, 0x2642) for p in points[1:]):
        return False
    if len(points) > 2 and points[0] in (0x1F468, 0x1F469) and 0x200D in points:
        return False
    return not any(low <= points[0] <= high for low, high in _SIGNS)


def _emoji_name(points: list[int]) -> str:
    return unicodedata.name(chr(points[0]), "emoji").lower()


def fluent(folder: Path) -> Iterator[Item]:
    """Cut-outs of @lobehub/fluent-emoji-3d, unpacked in `folder`."""
    seen = set()
    for path in sorted((folder / "package" / "assets").glob("*.webp")):
        points = [int(part, 16) for part in path.stem.split("-")]
        key = tuple(p for p in points if p != 0xFE0F)
        if key in seen or not _emoji_fits(points) or (picture := _read(path)) is None:
            continue
        seen.add(key)
        if (small := cropped(picture)) is not None:
            name = _emoji_name(points)
            held = _held_out(f"emoji {points[0]:x}")
            file = f"fluent/{path.stem}.webp"
            yield Entry(file, name, "cutout", "fluent-emoji-3d", "MIT", "Microsoft", held), encoded(small)


def noto(folder: Path) -> Iterator[Item]:
    """Cut-outs of @iconify-json/noto, unpacked in `folder` and drawn by resvg."""
    try:
        import resvg_py
    except ImportError as error:
        raise LabError(
            "resvg_py, which draws the SVG pictures of Noto, is missing; run: pip install 'draganything-lab[train]'"
        ) from error
    icons = json.loads((folder / "package" / "icons.json").read_text())
    chars = json.loads((folder / "package" / "chars.json").read_text())
    width, height = icons.get("width", 128), icons.get("height", 128)
    done = set()
    for code, name in sorted(chars.items()):
        points = [int(part, 16) for part in code.split("-")]
        if name in done or name not in icons["icons"] or not _emoji_fits(points):
            continue
        done.add(name)
        icon = icons["icons"][name]
        box = f"0 0 {icon.get('width', width)} {icon.get('height', height)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">'
        data = bytes(resvg_py.svg_to_bytes(svg_string=f"{head}{icon['body']}</svg>", width=384, height=384))
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            continue
        small = cropped(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8))
        if small is not None:
            held = _held_out(f"emoji {points[0]:x}")
            entry = Entry(f"noto/{code}.webp", name.replace("-", " "), "cutout", "noto", "Apache-2.0", "Google", held)
            yield entry, encoded(small)


def openclipart(folder: Path) -> Iterator[Item]:
    """Cut-outs of Debian's openclipart-png, unpacked in `folder`."""
    root = folder / "usr" / "share" / "openclipart" / "png"
    for path in sorted(root.rglob("*.png")):
        where = str(path.relative_to(root))
        if not where.startswith(_OPENCLIPART) or any(word in where.lower() for word in _NOT):
            continue
        picture = _read(path)
        if picture is None or (small := cropped(picture)) is None or max(small.shape) < 96 or colours(small) < 60:
            continue
        name = re.sub(r"[-_\d.]+", " ", path.stem).strip().lower()[:40] or "clip art"
        held = _held_out(f"openclipart {path.parent.name} {re.sub('[^a-z].*', '', path.stem.lower())}")
        file = f"openclipart/{where[:-4]}.webp"
        yield Entry(file, name, "cutout", "openclipart", "public domain", "", held), encoded(small)


def arcade(folder: Path) -> Iterator[Item]:
    """Cut-outs by Kenney inside the PyPI package arcade, unpacked in `folder`."""
    root = folder / "arcade" / "resources" / "assets" / "images"
    for path in sorted(root.rglob("*.png")):
        where = path.relative_to(root)
        if where.parts[0] not in _ARCADE or re.search(r"(walk|climb|run)\w*[1-9]|sheet|widths", path.stem.lower()):
            continue
        picture = _read(path)
        if picture is None or (small := cropped(picture)) is None:
            continue
        name = re.sub(r"([a-z])([A-Z])", r"\1 \2", path.stem)
        name = re.sub(r"[-_\d.]+", " ", name).strip().lower()
        held = _held_out(f"arcade {where.parent} {re.sub('[^a-z].*', '', name)}")
        file = f"arcade/{where.with_suffix('.webp')}"
        yield Entry(file, name, "cutout", "arcade", "CC0-1.0", "Kenney", held), encoded(small)


def photographs(folder: Path, source: str, table: tuple[tuple[str, str, str, str, bool], ...]) -> Iterator[Item]:
    """The photographs listed in a table, with their files in `folder`."""
    for file, name, licence, author, held in table:
        picture = cv2.imread(str(folder / file), cv2.IMREAD_COLOR)
        if picture is None:
            raise LabError(f"{folder / file} is missing or not a picture", fix="download the artwork again")
        scale = PHOTO_SIDE / max(picture.shape[:2])
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        data = encoded(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))
        yield Entry(f"{source}/{Path(file).stem}.webp", name, "photograph", source, licence, author, held), data


CHOOSERS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "fluent": fluent,
    "noto": noto,
    "openclipart": openclipart,
    "arcade": arcade,
    "lomiri": lambda folder: photographs(folder / "usr" / "share" / "backgrounds", "lomiri-wallpapers", LOMIRI),
    "scikit-image": lambda folder: photographs(folder / "skimage" / "data", "scikit-image", SCIKIT_IMAGE),
}


def make_pack(path: Path, names: Sequence[str], say: Say = print) -> Path:
    """Download the named collections, choose their pictures, and write one pack.

    A picture that occurs twice is used once. Archives and the pictures chosen from each are kept beside the pack (in
    `archives` and `parts`), so that a second attempt continues where the first one stopped.

    Args:
        path: Path of the pack to write.
        names: Keys of `CHOOSERS`.
        say: Function that receives the progress lines.

    Raises:
        LabError: Downloading, unpacking or writing fails; see `archives.fetch`.
    """
    parts = []
    for name in names:
        archive = ARCHIVES[name]
        part = path.parent / "parts" / f"{name}-{archive.sha256[:8]}-{CHOICE}.zip"
        parts.append(part)
        if part.is_file():
            say(f"{name}: already chosen")
            continue
        source = fetch(archive, path.parent / "archives", say)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unpacked-") as folder:
            unpack(source, Path(folder), archive.wanted)
            items = list(CHOOSERS[name](Path(folder)))
        write_pack(part, items)
        say(f"{name}: {len(items)} pictures, {part.stat().st_size / 1e6:.1f} MB")
    once = {data: entry for part in reversed(parts) for entry, data in reversed(Artwork.load(part).items())}
    return write_pack(path, ((entry, data) for data, entry in reversed(once.items())))
