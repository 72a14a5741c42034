"""Images as parts of a message: whatever a notebook holds, known by its first bytes."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.display import SVG
from IPython.display import Image as Shown
from matplotlib.figure import Figure
from PIL import Image

from portkey_nb.engine.headers import image_size, image_type
from portkey_nb.engine.images import LIMIT, image_part, image_text
from portkey_nb.errors import PromptError

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def saved(kind: str = "PNG", size: tuple[int, int] = (4, 3), mode: str = "RGB", **how: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 200).save(buffer, format=kind, **how)
    return buffer.getvalue()


def sent(part: dict[str, Any]) -> tuple[str, bytes]:
    """Return the type and the bytes that a part carries."""
    assert list(part) == ["type", "image_url"]
    assert part["type"] == "image_url"
    head, _, body = part["image_url"]["url"].partition(",")
    kind, _, encoding = head.removeprefix("data:").partition(";")
    assert encoding == "base64"
    return kind, base64.b64decode(body, validate=True)


def opened(part: dict[str, Any]) -> Image.Image:
    """Return the picture that a part carries, decoded."""
    kind, data = sent(part)
    picture = Image.open(io.BytesIO(data))
    assert picture.get_format_mimetype() == kind
    picture.load()
    return picture


def refused(thing: Any, name: str = "") -> str:
    with pytest.raises(PromptError) as raised:
        image_part(thing, name=name)
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 400
    return raised.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_what_models_take_goes_byte_for_byte(kind: str, clean_environment: Path) -> None:
    data = saved(kind)
    # The suffix says nothing: the first bytes do.
    path = clean_environment / "picture.txt"
    path.write_bytes(data)
    url = f"data:{KINDS[kind]};base64,{base64.b64encode(data).decode()}"
    for thing in (data, bytearray(data), memoryview(data), io.BytesIO(data), path, str(path), "~/picture.txt", url):
        assert sent(image_part(thing)) == (KINDS[kind], data)


def test_urls_go_as_they_are_and_nothing_is_fetched() -> None:
    for url in ("https://example.invalid/a.png?x=1#y", "HTTP://127.0.0.1:9/a"):
        assert image_part(url)["image_url"]["url"] == url
        assert image_part(Shown(url=url))["image_url"]["url"] == url


def test_a_data_urls_type_is_read_from_its_bytes() -> None:
    body = base64.b64encode(saved("JPEG")).decode()
    assert sent(image_part(f"data:image/png;base64,{body}"))[0] == "image/jpeg"
    assert sent(image_part(f"DATA:;BASE64,{body[:20]}\n{body[20:]}"))[0] == "image/jpeg"


def test_an_image_of_ipython(clean_environment: Path) -> None:
    path = clean_environment / "a.png"
    path.write_bytes(saved())
    for shown in (Shown(data=saved()), Shown(filename=str(path)), Shown(filename=str(path), embed=False)):
        assert sent(image_part(shown)) == ("image/png", saved())
    assert "SVG drawing" in refused(SVG("<svg xmlns='http://www.w3.org/2000/svg'/>"))


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO"])
def test_other_pictures_become_png(kind: str) -> None:
    size = (16, 16)
    picture = opened(image_part(saved(kind, size)))
    assert (picture.format, picture.size) == ("PNG", size)
    assert picture.convert("RGB").getpixel((1, 1)) == (200, 0, 0)


MODES = "1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I I;16 F"


@pytest.mark.parametrize("mode", MODES.split())
def test_a_pil_picture_of_any_mode_becomes_png(mode: str) -> None:
    picture = Image.new(mode, (5, 4))
    found = opened(image_part(picture))
    assert (found.format, found.size) == ("PNG", (5, 4))
    assert found.mode in ("1", "L", "LA", "P", "RGB", "RGBA")
    assert picture.mode == mode


@pytest.mark.parametrize(("mode", "values"), [("F", [-1.0, 0.0, 1.0]), ("I;16", [0, 2000, 4000]), ("I", [-5, 0, 5])])
def test_numbers_beyond_8_bits_run_from_dark_to_light(mode: str, values: list[Any]) -> None:
    picture = Image.new(mode, (3, 1))
    for place, value in enumerate(values):
        picture.putpixel((place, 0), value)
    found = opened(image_part(picture))
    assert [found.getpixel((place, 0)) for place in range(3)] == [0, pytest.approx(127, abs=1), 255]


def test_a_jpeg_stays_a_jpeg() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = Image.open(io.BytesIO(saved("JPEG", (40, 30), quality=60, exif=turned)))
    found = opened(image_part(picture))
    assert (found.format, found.size, found.getexif()[0x0112]) == ("JPEG", (40, 30), 6)
    assert opened(image_part(picture.rotate(90))).format == "PNG"
    assert opened(image_part(Image.open(io.BytesIO(saved("JPEG", mode="CMYK"))))).format == "PNG"


def test_a_figure_is_drawn_as_it_is_and_stays_so() -> None:
    figure = Figure(figsize=(4, 3), dpi=80, facecolor="pink")
    axes = figure.subplots()
    axes.plot([1, 2, 3])
    axes.set_title("towns")
    before = (figure.dpi, figure.get_size_inches().tolist(), figure.get_facecolor(), axes.get_position().bounds)
    canvas = type(figure.canvas)
    found = opened(image_part(figure))
    assert found.format == "PNG"
    assert max(found.size) > 100
    assert found.convert("RGB").getpixel((0, 0)) == (255, 192, 203)
    assert before == (figure.dpi, figure.get_size_inches().tolist(), figure.get_facecolor(), axes.get_position().bounds)
    assert type(figure.canvas) is canvas
    assert opened(image_part(axes)).size == found.size
    nested = Figure().subfigures(1, 2)[0]
    assert opened(image_part(nested)).format == "PNG"


def test_a_figure_that_cannot_be_drawn_is_said() -> None:
    figure = Figure()
    figure.text(0, 0, r"$\frac{$")
    assert "the Figure cannot be drawn: ValueError" in refused(figure)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
def test_an_array_is_a_picture(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    found = opened(image_part(array))
    assert found.size == (4, 3)
    assert (np.asarray(found) == array).all()
    assert opened(image_part(array[:, ::-1])).size == (4, 3)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 4)), "an array of float64, 3x4; an image is uint8"),
        (np.zeros((3, 4, 2), np.uint8), "an array of uint8, 3x4x2"),
        (np.zeros(3, np.uint8), "an array of uint8, 3;"),
        (np.zeros((0, 4), np.uint8), "an array of uint8, 0x4"),
        (np.array(1, np.uint8), "an array of uint8, one number"),
    ],
)
def test_arrays_that_are_no_pictures(array: Any, said: str) -> None:
    assert said in refused(array)


def cut(kind: str) -> bytes:
    return saved(kind)[:14]


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (b"", "the image is empty (0 bytes)"),
        (b"%PDF-1.7 ...", "no PNG, JPEG, GIF or WebP image (it begins with b'%PDF-1.7')"),
        (b"<html><svg ></svg>", "no PNG, JPEG, GIF or WebP"),
        (b"<?xml version='1.0'?>\n<!-- x --><svg width='1'>", "an SVG drawing"),
        (cut("PNG"), "begins as image/png, but is cut off or broken"),
        (cut("JPEG"), "begins as image/jpeg, but is cut off or broken"),
        (cut("WEBP"), "begins as image/webp, but is cut off or broken"),
        (saved("BMP")[:20], "image/bmp, which Pillow cannot read here"),
        (b"\0\0\0\x20ftypheic" + bytes(40), "image/heic, which Pillow cannot read here; save it as PNG or JPEG"),
        (Image.new("RGB", (0, 5)), "it has no pixels (0x5)"),
        (Image.new("F", (1, 1), float("nan")), "not finite"),
        ("", "the image '' is a folder"),
        (".", "the image '.' is a folder"),
        ("missing.png", "the image 'missing.png' does not exist; the working folder is "),
        (Path("missing.png"), "the image 'missing.png' does not exist"),
        ("a\0b.png", r"the image 'a\x00b.png' is no path"),
        ("x" * 5000, "cannot be read: File name too long"),
        ("~nobody-of-this-name/a.png", "is no path"),
        ("ftp://example.org/a.png", "ftp is not fetched"),
        ("https://", "no URL of an image"),
        ("https://[/a.png", "no URL of an image"),
        ("https://example.org/a b.png", "no URL of an image"),
        ("data:image/png;base64", "no data URL"),
        ("data:image/png;base64,@@@", "its base64 is broken"),
        ("data:image/png;base64,", "is empty (0 bytes)"),
        ("data:text/plain,hello", "no PNG, JPEG, GIF or WebP"),
        (3, "the int is no image; give a path"),
        (None, "the NoneType is no image"),
        ([1], "the list is no image"),
    ],
)
def test_what_is_no_image_is_refused_in_a_line(thing: Any, said: str) -> None:
    assert said in refused(thing)


def test_messages_name_the_image() -> None:
    assert refused(b"", name="photo").startswith("photo (the image) is empty")
    assert refused("a.png", name="photo").startswith("the image photo ('a.png') does not exist")
    assert refused("a.png", name="a.png").startswith("the image 'a.png' does not exist")


def test_what_is_too_large_is_refused_with_size_and_limit(clean_environment: Path) -> None:
    data = saved() + bytes(LIMIT)
    path = clean_environment / "large.png"
    with path.open("wb") as file:
        file.truncate(LIMIT + 1024 * 1024)
    assert "has 20.0 MB, more than the limit of 20.0 MB" in refused(data)
    assert "has 21.0 MB, more than the limit of 20.0 MB" in refused(path)
    whole = saved()
    assert sent(image_part(whole + bytes(LIMIT - len(whole))))[0] == "image/png"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(clean_environment: Path) -> None:
    pipe = clean_environment / "pipe"
    os.mkfifo(pipe)
    assert "is not a regular file" in refused(pipe)


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    bomb = bytearray(saved("BMP"))
    bomb[18:26] = (60_000).to_bytes(4, "little") * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "image/bmp, which Pillow cannot read here" in refused(bytes(bomb))


@given(
    kind=st.sampled_from(sorted(KINDS)),
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    mode=st.sampled_from(["L", "RGB"]),
    lossless=st.booleans(),
)
def test_the_header_tells_the_size(kind: str, width: int, height: int, mode: str, lossless: bool) -> None:
    how = {"WEBP": {"lossless": lossless}, "JPEG": {"progressive": lossless}}.get(kind, {})
    assert image_size(saved(kind, (width, height), mode, **how)) == (KINDS[kind], width, height)


def test_the_size_of_an_extended_webp_and_of_a_jpeg_with_much_before_its_frame() -> None:
    assert image_size(saved("WEBP", (7, 5), exif=b"Exif\0\0" + bytes(20))) == ("image/webp", 7, 5)
    assert image_size(saved("JPEG", (7, 5), icc_profile=bytes(150_000))) == ("image/jpeg", 7, 5)
    tables = b"\xff\xc4\x00\x0b" + b"\x07" * 9
    assert image_size(b"\xff\xd8" + tables + saved("JPEG", (7, 5))[2:]) == ("image/jpeg", 7, 5)


@given(
    head=st.sampled_from([b"", *(saved(kind)[:cut] for kind in KINDS for cut in (4, 12, 20, 30))]),
    rest=st.binary(max_size=60),
)
def test_no_bytes_break_the_reader(head: bytes, rest: bytes) -> None:
    size = image_size(head + rest)
    if size is not None:
        assert size[0] == image_type(head + rest)
        assert min(size[1:]) > 0
    try:
        image_part(head + rest)
    except PromptError:
        refused(head + rest)


def test_an_image_in_words() -> None:
    assert image_text(saved(size=(640, 480))).startswith("image/png 640x480, ")
    assert image_text(b"??") == "image of unknown type, 2 bytes"


def test_importing_the_room_loads_no_library_of_pictures() -> None:
    code = "import sys, portkey_nb.engine.images as i; i.image_part(sys.stdin.buffer.read()); "
    code += "print(*(n for n in ('PIL', 'matplotlib', 'numpy', 'IPython', 'pydantic') if n in sys.modules), end='')"
    done = subprocess.run([sys.executable, "-c", code], input=saved(), capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_drawing_a_figure_does_not_load_pyplot() -> None:
    code = "import sys; from matplotlib.figure import Figure; import portkey_nb.engine.images as i; "
    code += "i.image_part(Figure()); print('matplotlib.pyplot' in sys.modules, end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.stdout, done.returncode) == (b"False", 0)
