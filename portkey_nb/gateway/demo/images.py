"""Images in a question: type and size are read from the first bytes, and nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portkey_nb.gateway.demo.draft import Draft, in_words

__all__ = ["Picture", "described", "image_tokens", "pictures_of", "read_picture"]

_DATA_URL = re.compile(r"data:([\w.+/-]*)(?:;[\w=-]+)*?;base64,", re.I)
_FOLLOW_UP = re.compile(
    r"\b(?:images?|pictures?|photos?|figures?|plots?|charts?|screenshots?|diagrams?|pixels?)\b", re.I
)
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as far as its header tells: type, width and height in pixels, size in bytes.

    A picture behind an address has the address alone.
    """

    kind: str
    width: int = 0
    height: int = 0
    size: int = 0
    address: str = ""


def read_picture(url: str) -> Picture:
    """Read what an image's URL tells.

    Parameters
    ----------
    url : str
        A data URL in base64, or an http(s) address, which is not fetched.

    Raises
    ------
    ValueError
        Where it is neither, or holds no PNG, JPEG, GIF or WebP; the message is meant for people.
    """
    if re.match(r"https?://", url, re.I):
        return Picture("", address=url)
    head = _DATA_URL.match(url)
    if head is None:
        raise ValueError(f"{url[:40]!r} is neither an http(s) address nor a data URL in base64")
    try:
        data = base64.b64decode(re.sub(r"\s+", "", url[head.end() :]), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the data URL holds no valid base64") from None
    for reader in (_png, _gif, _webp, _jpeg):
        try:
            found = reader(data)
        except (struct.error, IndexError):
            found = None
        if found is not None and found[1] > 0 and found[2] > 0:
            return Picture(*found, size=len(data))
    raise ValueError("the bytes are no image that is supported; send PNG, JPEG, GIF or WebP")


def _png(data: bytes) -> tuple[str, int, int] | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return "PNG", *struct.unpack(">II", data[16:24])


def _gif(data: bytes) -> tuple[str, int, int] | None:
    return ("GIF", *struct.unpack("<HH", data[6:10])) if data[:6] in (b"GIF87a", b"GIF89a") else None


def _webp(data: bytes) -> tuple[str, int, int] | None:
    """Read a WebP's size (container and lossless formats: developers.google.com/speed/webp; lossy: RFC 6386, 9.1)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    form = data[12:16]
    if form == b"VP8X":
        return "WebP", 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return "WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return "WebP", width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(data: bytes) -> tuple[str, int, int] | None:
    """Walk a JPEG's segments to the one that starts a frame."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return "JPEG", width, height
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
        else:
            place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
    return None


def _in(message: Mapping[str, Any]) -> list[Picture]:
    content = message.get("content")
    parts = content if isinstance(content, Sequence) and not isinstance(content, str) else ()
    return [read_picture(part["image_url"]["url"]) for part in parts if part.get("type") == "image_url"]


def pictures_of(messages: Sequence[Mapping[str, Any]], asked: str) -> list[Picture]:
    """Return the pictures that the last question is about: its own, or earlier ones that it speaks of."""
    said = [message for message in messages if message.get("role") == "user"]
    own = _in(said[-1]) if said else []
    if own or not _FOLLOW_UP.search(asked):
        return own
    return next((found for message in reversed(said[:-1]) if (found := _in(message))), [])


def image_tokens(messages: Sequence[Mapping[str, Any]], provider: str) -> int:
    """Return what the images of a request cost in tokens, by the rule that each provider has published.

    Notes
    -----
    Anthropic: width x height / 750. Gemini: 258 for each. OpenAI: 85, and 170 for each tile of 512 pixels; the scaling
    down of large images before that is left out.
    """
    return sum(_tokens(picture, provider) for message in messages for picture in _in(message))


def _tokens(picture: Picture, provider: str) -> int:
    if provider == "google":
        return 258
    if provider == "anthropic":
        return min(1600, math.ceil(picture.width * picture.height / 750))
    tiles = math.ceil(min(picture.width, 2048) / 512) * math.ceil(min(picture.height, 2048) / 512)
    return 85 + 170 * tiles


def described(pictures: Sequence[Picture], asked: str) -> Draft:
    """Return what can be said about pictures: what their headers tell, and that nobody has looked at them."""
    data = [_data(picture) for picture in pictures]
    caveat = "I am a simulated model: I read an image's header and cannot see what it shows."
    if len(pictures) == 1:
        lead = f"{_told(pictures[0])}."
        return Draft(
            lead=lead[0].upper() + lead[1:], more=(caveat,), short=_short(pictures[0], asked), data=data[0], light=True
        )
    told = [f"the {_ordinal(place)} is {_told(picture)}" for place, picture in enumerate(pictures)]
    lead = f"There are {len(pictures)} images: {in_words(told)}."
    more = (caveat,)
    largest = max(pictures, key=lambda picture: picture.width * picture.height)
    short = f"{len(pictures)} images"
    if re.search(r"\b(?:larger|largest|bigger|biggest|more pixels)\b", asked, re.I) and largest.width:
        word = _ordinal(pictures.index(largest))
        lead, short = f"{lead[:-1]}; the {word} is the largest.", word
    return Draft(lead=lead, more=more, short=short, data={"images": data}, light=True)


def _ordinal(place: int) -> str:
    return _ORDINALS[place] if place < len(_ORDINALS) else f"number {place + 1}"


def _data(picture: Picture) -> dict[str, Any]:
    if picture.address:
        return {"url": picture.address, "fetched": False}
    return {
        "type": picture.kind,
        "format": picture.kind,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.size,
    }


def _told(picture: Picture) -> str:
    if picture.address:
        return f"an image behind <{picture.address[:200]}>, which the demo gateway does not fetch"
    return f"a {picture.kind} image of {picture.width} × {picture.height} pixels ({picture.size:,} bytes)"


def _short(picture: Picture, asked: str) -> str:
    if picture.address:
        return "not fetched"
    for words, value in (
        (r"\b(?:wide|width)\b", str(picture.width)),
        (r"\b(?:high|tall|height)\b", str(picture.height)),
        (r"\b(?:type|format|kind)\b", picture.kind),
        (r"\b(?:bytes?|kilobytes?|file size)\b", str(picture.size)),
    ):
        if re.search(words, asked, re.I):
            return value
    return f"{picture.width} × {picture.height}"
