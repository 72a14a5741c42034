"""What stands in the composer: a text and images, kept by the kernel so that all views show the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from portkey_nb.engine.images import image_part
from portkey_nb.engine.plain import mend
from portkey_nb.engine.record import new_run_id
from portkey_nb.engine.transcript import message_images, message_text
from portkey_nb.errors import PromptError

PANEL_LIMIT = 5 * 1024 * 1024
"""Bytes of one image in a panel; the page sends it over the kernel's own connection."""
MOST_IMAGES = 10


@dataclass(frozen=True, kw_only=True)
class Attached:
    """An image in the composer.

    Attributes
    ----------
    id : str
    part : mapping
        As it is sent.
    label : str
        Name, type and size.
    src : str or None
        A data URL, where the image is small enough to be shown.
    """

    id: str
    part: Mapping[str, Any]
    label: str
    src: str | None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message that is not sent yet.

    Attributes
    ----------
    text : str
    images : tuple of Attached
    by : str or None
        The view in which it was typed, which need not be told; None where it was changed otherwise.
    n : int
        Counts the changes.
    """

    text: str = ""
    images: tuple[Attached, ...] = ()
    by: str | None = None
    n: int = 0

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Draft:
        """Return a message as a draft: what it has beside text as it is, since it was taken once before.

        Examples
        --------
        >>> found = Draft.of({"content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": "odd"}]})
        >>> found.text, [image.label for image in found.images]
        ('Look', ['image'])
        """
        content = message.get("content")
        given = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
        parts = [part for part in given if not isinstance(part.get("text"), str)]
        images = tuple(
            Attached(id=new_run_id(), part=part, label=label, src=src)
            for part, (label, src) in zip(parts, message_images({"content": parts}), strict=True)
        )
        return cls(text=mend(message_text(message)), images=images)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be sent."""
        return not self.text.strip() and not self.images

    def typed(self, text: str, by: str | None) -> Draft:
        """Return the draft with another text."""
        return replace(self, text=text, by=by, n=self.n + 1)

    def taken(self) -> Draft:
        """Return the empty draft that is left when this one is sent."""
        return Draft(n=self.n + 1)

    def returned(self, draft: Draft) -> Draft:
        """Return the draft with what was sent in vain before what stands here by now.

        Examples
        --------
        >>> Draft(text="And now?").returned(Draft(text="Hello")).text
        'Hello\\n\\nAnd now?'
        """
        text = "\n\n".join(each.text for each in (draft, self) if each.text.strip())
        return replace(self, text=text, images=(*draft.images, *self.images), by=None, n=self.n + 1)

    def with_image(self, thing: Any, name: str = "") -> Draft:
        """Return the draft with one more image.

        Raises
        ------
        PromptError
            When it is no image, or too large, or there are too many.
        """
        if len(self.images) >= MOST_IMAGES:
            raise PromptError(f"there are {MOST_IMAGES} images already; send them, or remove one")
        return replace(self, images=(*self.images, attached(thing, name)), by=None, n=self.n + 1)

    def without_image(self, image_id: str) -> Draft:
        """Return the draft without one of its images."""
        left = tuple(image for image in self.images if image.id != image_id)
        return replace(self, images=left, by=None, n=self.n + 1)

    def message(self) -> dict[str, Any]:
        """Return it as a user's message."""
        if not self.images:
            return {"role": "user", "content": self.text}
        text = [{"type": "text", "text": self.text}] if self.text.strip() else []
        return {"role": "user", "content": [*text, *(dict(image.part) for image in self.images)]}

    def shown(self) -> dict[str, Any]:
        """Return it as pages know it."""
        images = [{"id": image.id, "label": image.label, "src": image.src} for image in self.images]
        return {"text": self.text, "images": images, "by": self.by, "n": self.n}


def attached(thing: Any, name: str = "") -> Attached:
    """Make an image ready to be sent.

    Parameters
    ----------
    thing : object
        As for :func:`portkey_nb.engine.images.image_part`.
    name : str
        The file's name, for messages.

    Raises
    ------
    PromptError
        When it is no image, or has more than 5 MB.
    """
    name = name[:80]
    if isinstance(thing, bytes | bytearray | memoryview) and len(thing) > PANEL_LIMIT:
        raise _too_large(name, len(thing))
    part = image_part(thing, name=name)
    url = part["image_url"]["url"]
    size = len(url.partition(",")[2]) * 3 // 4 if url.startswith("data:") else 0
    if size > PANEL_LIMIT:
        raise _too_large(name, size)
    label, src = message_images({"content": [part]})[0]
    return Attached(id=new_run_id(), part=part, label=f"{name} ({label})" if name else label, src=src)


def _too_large(name: str, size: int) -> PromptError:
    shown = repr(name) if name else "the image"
    return PromptError(f"{shown} has {size / 1024**2:.1f} MB, and a panel takes images of up to 5 MB; make it smaller")


def text_of(command: Mapping[str, Any]) -> str:
    """Return the text that a command brings."""
    return mend(str(command.get("text") or ""))
