"""Pictures that people send, made into small ones of one format; the rest of what was sent is thrown away.

Formats hide much: where a photo was taken, a second file behind the first, a picture that is a thousand times as large
once it is decoded. So the size is looked at before a pixel is, and only pixels go out.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageOps, UnidentifiedImageError

from synergy_platform.errors import Unavailable

_T = TypeVar("_T")

# ours are lower limits, and an answer rather than a warning
Image.MAX_IMAGE_PIXELS = None

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
# such as take some 100 MB while they are decoded: 4 bytes for each pixel, twice that where they are transparent, thrice
# where they may move, and less for a JPEG, which need not be decoded in its full size
MOST_PIXELS = {"PNG": 12_500_000, "GIF": 12_500_000, "WEBP": 6_000_000, "JPEG": 25_000_000, "MPO": 25_000_000}
_QUALITY = 85


class NotAPicture(ValueError):
    """What was sent is none that can be made smaller; the message is a sentence without a subject."""


class Pictures:
    """Works on one picture at a time in each process; `queue_size` callers wait at most, then Unavailable (503)."""

    def __init__(self, *, queue_size: int = 8) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        self._queue_size = queue_size
        self._waiting = 0

    async def square(self, path: Path, side: int) -> bytes:
        """The middle of the picture as a WebP of `side` pixels, its first frame if it moves; raises NotAPicture."""
        return await self._run(lambda: square_webp(path, side))

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= self._queue_size:
            raise Unavailable("Many pictures are being worked on at this moment. Try again soon.", retry_after=3)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._waiting -= 1


def square_webp(path: Path, side: int) -> bytes:
    """See Pictures.square; this is the work itself."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _encode(_square(image, side))
    except NotAPicture:
        raise
    except UnidentifiedImageError:
        raise NotAPicture("is no picture that can be read: send a PNG, JPEG, WebP or GIF") from None
    except Exception as error:  # noqa: BLE001 - a broken file breaks its decoder in ways that none of them lists
        raise NotAPicture(f"cannot be read, it seems to be damaged ({type(error).__name__})") from None


def _square(image: Image.Image, side: int) -> Image.Image:
    most = MOST_PIXELS[str(image.format)]
    if image.width * image.height > most:
        raise NotAPicture(f"has {image.width} by {image.height} pixels, more than {most / 1e6:g} million")
    # before anything is decoded; other formats know no such thing
    image.draft("RGB", (2 * side, 2 * side))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    upright = image.getexif().get(_ORIENTATION)
    converted = image if image.mode == mode else image.convert(mode)
    small = ImageOps.fit(converted, (side, side), Image.Resampling.LANCZOS)
    # a square is turned as well small as large
    turn = _TURNS.get(upright) if isinstance(upright, int) else None
    return small if turn is None else small.transpose(Image.Transpose[turn])


# EXIF 2.32, 4.6.4: how a camera was held
_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip


def _encode(image: Image.Image) -> bytes:
    # a new one: what came along with the pixels (profile, EXIF, XMP) stays behind
    clean = Image.frombytes(image.mode, image.size, image.tobytes())
    target = io.BytesIO()
    clean.save(target, "WEBP", quality=_QUALITY, method=4)
    return target.getvalue()
