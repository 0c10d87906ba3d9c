"""Pictures that people send: what comes out is small, whatever goes in, and nothing of it but its pixels."""

from __future__ import annotations

import asyncio
import io
import struct
import subprocess
import sys
import time
import zlib

import pytest
from PIL import Image

from synergy_platform.errors import Unavailable
from synergy_platform.pictures import NotAPicture, Pictures, square_webp

SECRET = b"taken at 48.2082 N 16.3738 E"


def encoded(image, kind, **options):
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data=b"", *more):
    """A PNG of any size, whatever its content."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def webp(width, height):
    """An animation that says to be of that size; its frames are small."""
    frames = [Image.new("RGB", (64, 64), color) for color in ((0, 200, 0), (0, 0, 200))]
    content = bytearray(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert content[12:16] == b"VP8X"
    content[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(content)


@pytest.fixture
def made(tmp_path):
    def make(content):
        path = tmp_path / "upload"
        path.write_bytes(content)
        result = Image.open(io.BytesIO(square_webp(path, 64)))
        result.load()
        return result

    return make


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (3, 900), (1600, 1200)])
def test_picture_of_any_format_and_size_becomes_a_square_webp(made, kind, size):
    result = made(encoded(Image.new("RGB", size, (200, 30, 30)), kind))
    assert (result.format, result.size) == ("WEBP", (64, 64))
    red, green, blue = result.convert("RGB").getpixel((32, 32))
    assert red > 180
    assert green < 60 > blue


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_picture_of_any_mode_is_taken(made, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert made(encoded(Image.new(mode, (100, 80)), kind)).size == (64, 64)


def test_transparency_stays(made):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 32, 64))
    result = made(encoded(image, "PNG"))
    assert result.mode == "RGBA"
    assert [result.getpixel(point)[3] for point in ((8, 32), (56, 32))] == [255, 0]


def test_animation_becomes_its_first_frame(made):
    frames = [Image.new("RGB", (64, 64), color) for color in ((0, 200, 0), (0, 0, 200))]
    for kind in ("GIF", "WEBP"):
        result = made(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert getattr(result, "n_frames", 1) == 1
        assert result.convert("RGB").getpixel((32, 32))[1] > 180


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photo_stands_upright_however_the_camera_was_held(made, kind, orientation):
    upright = Image.new("RGB", (300, 300), (255, 255, 255))
    upright.paste((0, 0, 0), (0, 0, 150, 150))  # dark above left
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how it lay in the camera: the reverse
    stored = upright.transpose(Image.Transpose(turns[orientation])) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = made(encoded(stored, kind, exif=exif)).convert("L")
    corners = [result.getpixel(point) < 128 for point in ((8, 8), (56, 8), (8, 56), (56, 56))]
    assert corners == [True, False, False, False]


def test_nothing_but_pixels_comes_through(made, tmp_path):
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    image = Image.new("RGB", (80, 80), (1, 2, 3))
    hidden = [
        encoded(image, "JPEG", exif=exif, comment=SECRET, xmp=b"<x>" + SECRET + b"</x>"),
        encoded(image, "WEBP", exif=exif, xmp=SECRET),
        encoded(image, "JPEG", icc_profile=SECRET * 10),
        encoded(image, "GIF", comment=SECRET),
        encoded(image, "PNG", exif=exif) + SECRET,  # something behind the picture
        encoded(image, "GIF").replace(b"GIF89a", b"GIF89a") + b"<script>alert('" + SECRET + b"')</script>",
        encoded(image, "JPEG") + b"PK\x03\x04" + SECRET,
    ]
    for content in hidden:
        assert SECRET in content
        result = made(content)
        out = square_webp(tmp_path / "upload", 64)
        assert SECRET not in out
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(result.info)
        assert out.startswith(b"RIFF")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
_WHOLE = encoded(Image.effect_noise((300, 300), 90), "PNG")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        SVG,
        b'<?xml version="1.0"?>\n' + SVG,
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(100),
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\x00\x00\x00\x00WEBP",
        encoded(Image.new("RGB", (9, 9)), "BMP"),
        encoded(Image.new("RGB", (9, 9)), "TIFF"),
        encoded(Image.new("RGB", (9, 9)), "PPM"),
        encoded(Image.new("RGB", (32, 32)), "ICO"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # would start another program
        _WHOLE[: len(_WHOLE) // 2],
        encoded(Image.effect_noise((300, 300), 90), "JPEG")[:3000],
        encoded(Image.effect_noise((300, 300), 90), "WEBP")[:3000],
        encoded(Image.effect_noise((300, 300), 90), "GIF")[:3000],
        _WHOLE[:200] + bytes(50) + _WHOLE[250:],
        png(0, 0),
        png(10, 10, zlib.compress(b"short")),
        png(10, 10, b"no zlib at all"),
        png(2**31 - 1, 2**31 - 1),
        webp(100, 100)[:60],
    ],
    ids=range(26),
)
def test_what_is_no_picture_is_refused(made, content):
    with pytest.raises(NotAPicture):
        made(content)


def gif(screen, frame):
    """A GIF of that size, with a frame of another and nothing in it."""
    head = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x44\x01\0;"


_SMALL = zlib.compress(bytes(193 * 64))
_LONG = zlib.compress(bytes(300_000_000))
_JPEG = encoded(Image.new("L", (8, 8)), "JPEG")
# what is small on the wire, and large or endless once it is decoded
BOMBS = {
    "png of black": png(20_000, 20_000, zlib.compress(bytes(60_001) * 300)),
    "png just too large": png(5000, 2501, zlib.compress(bytes(100))),
    "png with text": png(64, 64, _SMALL, chunk(b"zTXt", b"a\0\0" + _LONG)),
    "png with a profile": png(64, 64, _SMALL, chunk(b"iCCP", b"a\0\0" + _LONG)),
    "gif": gif(65535, 65535),
    "gif whose frame is larger": gif(1, 65535),
    "webp": webp(16_383, 16_383),
    "webp just too large": webp(3000, 2001),
    "jpeg": _JPEG.replace(struct.pack(">HH", 8, 8), struct.pack(">HH", 65500, 65500), 1),
}
_MEASURE = """
import sys
from pathlib import Path
from synergy_platform.pictures import NotAPicture, square_webp

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))

before = peak()
try:
    square_webp(Path(sys.argv[1]), 256)
    outcome = "made"
except NotAPicture:
    outcome = "refused"
print(outcome, (peak() - before) // 1024)
"""


def measured(path):
    """What became of it in a process of its own, and the MiB that it took."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    outcome, memory = done.stdout.split()
    return outcome, int(memory)


@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb_is_refused_before_it_takes_memory(tmp_path, bomb):
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[bomb])
    assert path.stat().st_size < 5 * 1024 * 1024
    outcome, memory = measured(path)
    assert outcome == "refused"
    assert memory < 20


@pytest.mark.parametrize(
    ("size", "kind", "mode"),
    [
        ((3535, 3535), "PNG", "RGB"),
        ((3535, 3535), "PNG", "RGBA"),
        ((3535, 3535), "GIF", "RGB"),
        ((3000, 2000), "WEBP", "RGBA"),
        ((5712, 4284), "JPEG", "RGB"),
    ],
)
def test_largest_picture_that_is_taken_takes_bounded_memory(tmp_path, size, kind, mode):
    path = tmp_path / "photo"
    Image.new(mode, size, (10, 200, 10)).save(path, kind, **({"progressive": True} if kind == "JPEG" else {}))
    outcome, memory = measured(path)
    assert outcome == "made"
    assert memory < 120


async def test_pictures_wait_in_a_short_queue(tmp_path):
    path = tmp_path / "photo"
    Image.new("RGB", (2000, 2000)).save(path, "PNG")
    pictures = Pictures(queue_size=3)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    started = time.monotonic()
    answers = await asyncio.gather(*(pictures.square(path, 64) for _ in range(5)), return_exceptions=True)
    seconds = time.monotonic() - started
    ticking.cancel()
    assert [type(answer) for answer in answers].count(Unavailable) == 2
    assert sum(isinstance(answer, bytes) for answer in answers) == 3
    # others went on meanwhile
    assert ticks > seconds / 0.005 / 10
    pictures.close()
