"""What the first bytes of an image tell: its type, its width and its height."""

from __future__ import annotations

import re

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
_SVG = re.compile(rb"<(?:\w{1,20}:)?svg[\s>]", re.I)
_NO_SIZE = {0xC4, 0xC8, 0xCC}
"""JPEG's C markers that begin no frame."""


def image_type(data: bytes) -> str | None:
    """Return an image's media type by its first bytes; None for what is no image.

    Examples
    --------
    >>> image_type(b"BM" + bytes(60)), image_type(b"<svg xmlns=''/>"), image_type(b"%PDF-1.7")
    ('image/bmp', 'image/svg+xml', None)
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "image/avif" if data[8:11] == b"avi" else "image/heic" if data[8:11] in _HEIF else None
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return "image/svg+xml" if head.startswith(b"<") and b"<html" not in head.lower() and _SVG.search(head) else None


_HEIF = (b"hei", b"hev", b"mif", b"msf")


def image_size(data: bytes) -> tuple[str, int, int] | None:
    """Return an image's media type, width and height in pixels; None where its header does not tell.

    The headers of PNG (its specification, 11.2.1), JPEG (ITU T.81, B.2.2), GIF (89a, 18), WebP (RFC 9649, 2.5 to 2.7).

    Examples
    --------
    >>> image_size(b"GIF89a" + b"\\x80\\x02\\xe0\\x01" + bytes(10))
    ('image/gif', 640, 480)
    """
    kind = image_type(data)
    size: tuple[int, int] | None = None
    if kind == "image/png" and data[12:16] == b"IHDR":
        size = _big(data, 16, 4), _big(data, 20, 4)
    elif kind == "image/gif":
        size = _little(data, 6, 2), _little(data, 8, 2)
    elif kind == "image/jpeg":
        size = _jpeg(data)
    elif kind == "image/webp":
        size = _webp(data)
    return (kind, *size) if kind and size and min(size) > 0 else None


def _big(data: bytes, place: int, length: int) -> int:
    part = data[place : place + length]
    return int.from_bytes(part, "big") if len(part) == length else 0


def _little(data: bytes, place: int, length: int) -> int:
    return _big(data[place : place + length][::-1], 0, length)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            return _big(data, place + 7, 2), _big(data, place + 5, 2)
        elif marker in (0xD9, 0xDA):
            return None
        else:
            place += 2 + max(_big(data, place + 2, 2), 2)
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = _little(data, 24, 3), _little(data, 27, 3)
        return (width + 1, height + 1) if len(data) >= 30 else None
    if chunk == b"VP8L" and data[20:21] == b"\x2f":
        bits = _little(data, 21, 4)
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1) if len(data) >= 25 else None
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None
