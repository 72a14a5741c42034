"""Images as parts of a message: files, bytes, pictures, figures and arrays, known by their first bytes."""

from __future__ import annotations

import base64
import binascii
import io
import math
import os
import re
import stat
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from portkey_nb.engine.headers import image_size, image_type
from portkey_nb.errors import PromptError

LIMIT = 20 * 1024 * 1024
"""Bytes of an image that are sent; what providers take ends there or earlier."""
_SENT = ("image/png", "image/jpeg", "image/gif", "image/webp")
_CONVERTED = {
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
    "image/x-icon": "ICO",
}
"""Types that are saved as PNG first -> what PIL calls them."""
_TAKEN = "a path, bytes, a PIL image, a matplotlib figure, a uint8 array or an http(s) URL"


def image_part(thing: Any, *, name: str = "") -> dict[str, Any]:
    """Make the part of a message that shows a model an image. Nothing is fetched.

    Parameters
    ----------
    thing : object
        A path; bytes or a ``BytesIO``; a PIL image; a matplotlib figure or its axes; a numpy array of uint8 (height x
        width, with 3 or 4 channels or none); ``IPython.display.Image``; an http(s) or data URL. PNG, JPEG, GIF and WebP
        go as they are, other pictures as PNG.
    name : str
        What messages call it; its value or its type without.

    Returns
    -------
    dict
        ``{"type": "image_url", "image_url": {"url": ...}}`` as OpenAI defines it.

    Raises
    ------
    PromptError
        When it is no image, is broken, or has more than 20 MB, in one line.

    Examples
    --------
    >>> image_part("https://example.org/a.png")
    {'type': 'image_url', 'image_url': {'url': 'https://example.org/a.png'}}
    """
    shown = _shown(thing) if not name or (isinstance(thing, str) and name == thing) else f"{name} ({_shown(thing)})"
    found = _url_or_bytes(thing, shown)
    if isinstance(found, bytes):
        kind, data = _sendable(found, shown)
        found = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": found}}


def image_text(data: bytes) -> str:
    """Return what a message says of an image.

    Examples
    --------
    >>> image_text(b"GIF89a\\x02\\x00\\x01\\x00" + bytes(1014))
    'image/gif 2x1, 1 KB'
    """
    size = image_size(data)
    what = f"{size[0]} {size[1]}x{size[2]}" if size else "image of unknown type"
    return f"{what}, {_amount(len(data))}"


def _url_or_bytes(thing: Any, shown: str) -> str | bytes:
    if isinstance(thing, str):
        return _of_text(thing, shown)
    if isinstance(thing, os.PathLike):
        return _of_file(os.fspath(thing), shown)
    if isinstance(thing, bytes | bytearray | memoryview):
        return bytes(thing)
    if isinstance(thing, io.BytesIO):
        return thing.getvalue()
    if _is("IPython.core.display", thing, "Image", "SVG"):
        return _of_display(thing, shown)
    if _is("PIL.", thing, "Image"):
        return _of_picture(thing, shown)
    figure = thing if _is("matplotlib.", thing, "FigureBase") else getattr(thing, "figure", None)
    if _is("matplotlib.", figure, "FigureBase"):
        return _of_figure(figure, shown)
    if _is("numpy", thing, "ndarray"):
        return _of_array(thing, shown)
    raise PromptError(f"{shown} is no image; give {_TAKEN}")


def _is(library: str, thing: Any, *names: str) -> bool:
    """Tell whether a thing is of a library's class, without importing the library."""
    return any(kind.__module__.startswith(library) and kind.__name__ in names for kind in type(thing).__mro__)


def _of_text(text: str, shown: str) -> str | bytes:
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):", text)
    word = scheme[1].lower() if scheme else ""
    if word == "data":
        return _of_data_url(text, shown)
    if word in ("http", "https"):
        try:
            host = urlsplit(text).hostname
        except ValueError:
            host = None
        if not host or re.search(r"[\s\x00-\x1f\x7f]", text):
            raise PromptError(f"{shown} is no URL of an image; it looks like https://host/picture.png")
        return text
    if scheme and text[scheme.end() :].startswith("//"):
        raise PromptError(f"{shown}: {word} is not fetched; give {_TAKEN}")
    return _of_file(text, shown)


def _of_data_url(text: str, shown: str) -> bytes:
    head, comma, body = text.partition(",")
    if not comma:
        raise PromptError(f"{shown} is no data URL; it looks like data:image/png;base64,...")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    fault = ""
    try:
        return base64.b64decode(re.sub(r"\s+", "", body), validate=True)
    except (binascii.Error, ValueError) as raised:
        fault = str(raised)
    raise PromptError(f"{shown}: its base64 is broken ({fault}); encode the image again")


def _of_file(given: str | bytes, shown: str) -> bytes:
    fault = ""
    try:
        path = Path(os.fsdecode(given)).expanduser()
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            fault = "is a folder; give the path of an image file"
        elif not stat.S_ISREG(mode):
            fault = "is not a regular file; give the path of an image file"
        elif path.stat().st_size > LIMIT:
            fault = _too_large(path.stat().st_size)
        else:
            return path.read_bytes()
    except FileNotFoundError:
        fault = f"does not exist; the working folder is {os.getcwd()}"
    except OSError as raised:
        fault = f"cannot be read: {raised.strerror or type(raised).__name__}"
    except (ValueError, RuntimeError):
        fault = f"is no path; give {_TAKEN}"
    raise PromptError(f"the image {shown} {fault}")


def _of_display(thing: Any, shown: str) -> str | bytes:
    data = getattr(thing, "data", None)
    if isinstance(data, bytes | str) and data:
        return data.encode() if isinstance(data, str) else data
    place = getattr(thing, "url", None) or getattr(thing, "filename", None)
    if not place:
        raise PromptError(f"{shown} holds no image; give {_TAKEN}")
    return _of_text(str(place), shown)


def _of_picture(picture: Any, shown: str) -> bytes:
    fault = ""
    try:
        if 0 in picture.size:
            raise ValueError(f"it has no pixels ({picture.size[0]}x{picture.size[1]})")
        buffer = io.BytesIO()
        if picture.format == "JPEG" and picture.mode in ("L", "RGB"):
            picture.save(buffer, format="JPEG", quality="keep", exif=picture.getexif())
        else:
            _simple(picture).save(buffer, format="PNG")
        return buffer.getvalue()
    except Exception as raised:  # noqa: BLE001 (decoders of broken files raise anything)
        fault = _line(str(raised) or type(raised).__name__)
    raise PromptError(f"{shown} cannot be saved as PNG: {fault}; convert it to RGB first")


def _simple(picture: Any) -> Any:
    """Return a picture in a mode that PNG and every model know."""
    if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        return picture
    if picture.mode == "F" or picture.mode.startswith("I"):
        # More than 8 bits, or numbers of any size: what there is, from darkest to lightest.
        numbers = picture.convert("I").convert("F") if picture.mode.startswith("I") else picture
        low, high = numbers.getextrema()
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("it holds values that are not finite")
        scale = 255 / (high - low) if high > low else 1.0
        return numbers.point(lambda value: value * scale - low * scale).convert("L")
    return picture.convert({"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}.get(picture.mode, "RGB"))


def _of_figure(figure: Any, shown: str) -> bytes:
    while getattr(figure, "figure", figure) is not figure:
        figure = figure.figure
    buffer = io.BytesIO()
    fault = ""
    try:
        figure.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
    except Exception as raised:  # noqa: BLE001 (artists of the user's own raise anything)
        fault = _line(f"{type(raised).__name__}: {raised}")
    raise PromptError(f"{shown} cannot be drawn: {fault}")


def _of_array(array: Any, shown: str) -> bytes:
    shape = "x".join(str(length) for length in array.shape)
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if str(array.dtype) != "uint8" or not fits or 0 in array.shape:
        raise PromptError(
            f"{shown} is an array of {array.dtype}, {shape or 'one number'}; "
            "an image is uint8, height x width, with 3 or 4 channels or none"
        )
    return _of_picture(_pillow(shown).fromarray(array), shown)


def _pillow(shown: str) -> Any:
    try:
        from PIL import Image  # heavy, and not everybody has it

        return Image
    except ImportError:
        pass
    raise PromptError(f"{shown} needs Pillow to become a PNG; install it (pip install pillow), or give a PNG")


def _sendable(data: bytes, shown: str) -> tuple[str, bytes]:
    """Return an image's type and bytes as models take them."""
    if not data:
        raise PromptError(f"{shown} is empty (0 bytes); give an image")
    kind = image_type(data)
    if kind in _CONVERTED and len(data) <= LIMIT:
        data, kind = _converted(data, kind, shown), "image/png"
    if len(data) > LIMIT:
        raise PromptError(f"{shown} {_too_large(len(data))}")
    if kind == "image/svg+xml":
        raise PromptError(f"{shown} is an SVG drawing, which models do not take; save it as PNG")
    if kind not in _SENT:
        raise PromptError(f"{shown} is no PNG, JPEG, GIF or WebP image (it begins with {data[:8]!r}); save it as PNG")
    if image_size(data) is None:
        raise PromptError(f"{shown} begins as {kind}, but is cut off or broken; save it again")
    return kind, data


def _converted(data: bytes, kind: str, shown: str) -> bytes:
    pillow = _pillow(shown)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            # The one format that the first bytes tell: some others start programs to be read.
            with pillow.open(io.BytesIO(data), formats=[_CONVERTED[kind]]) as picture:
                return _of_picture(picture, shown)
        except PromptError:
            raise
        except Exception:  # noqa: BLE001, S110 (decoders of broken files raise anything; what to do is said below)
            pass
    raise PromptError(f"{shown} is {kind}, which Pillow cannot read here; save it as PNG or JPEG")


def _shown(thing: Any) -> str:
    if isinstance(thing, str | os.PathLike):
        text = repr(os.fspath(thing))
        return text if len(text) <= 200 else f"{text[:60]}…"
    return "the image" if isinstance(thing, bytes | bytearray | memoryview) else f"the {type(thing).__name__}"


def _line(text: str) -> str:
    return " ".join(text[:1000].split())[:200]


def _too_large(size: int) -> str:
    return f"has {_amount(size)}, more than the limit of {_amount(LIMIT)}; make it smaller"


def _amount(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"
