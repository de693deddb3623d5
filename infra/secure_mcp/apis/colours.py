"""The colours of the pages that people see while they sign in, and what can be read on them."""

from dataclasses import dataclass

ACCENT = "#1f5fd0"
"""Of buttons and links by day."""
ACCENT_DARK = "#7fb0ff"
"""By night."""
_INKS = ("#ffffff", "#0b1526")


class Palette:
    """What the style sheet of all pages needs."""

    accent_color: str
    accent_color_dark: str

    @property
    def on_accent(self) -> str:
        """What is written on a button by day."""
        return ink(self.accent_color)

    @property
    def on_accent_dark(self) -> str:
        """What is written on a button by night."""
        return ink(self.accent_color_dark)


@dataclass(frozen=True)
class Plain(Palette):
    """The palette of pages that are nobody's."""

    accent_color: str = ACCENT
    accent_color_dark: str = ACCENT_DARK


def contrast(one: str, other: str) -> float:
    """Contrast of two colours `#rrggbb`, from 1 to 21, as WCAG 2.2 defines it."""
    first, second = sorted((_luminance(one), _luminance(other)))
    return (second + 0.05) / (first + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink(colour: str) -> str:
    """What can best be read on a button of that colour. One of the two always can: at least 4.5."""
    return max(_INKS, key=lambda ink: contrast(ink, colour))
