"""How the pages look that people see while they sign in, and whose they are."""

from collections.abc import Mapping, Sequence

from ..options import Options, Rule, matches, option
from .colours import ACCENT, ACCENT_DARK, Palette, contrast, ink

_COLOUR = Rule(r"#[0-9a-f]{6}", "give a colour as # and six hexadecimal digits in lower case, such as #1f5fd0")
_SHOWN = Rule(
    r"[^\x00-\x1f\x7f{}<>%]{0,80}", "give at most 80 characters without braces, angle brackets and per cent signs"
)
# What policies/pages/style.css puts behind a link or a button: the page and the card, by day and by night.
_LIGHT = ("#f3f5f9", "#ffffff")
_DARK = ("#11151c", "#1a202a")
_READABLE = 4.5
"""Lowest contrast of text, WCAG 2.2, success criterion 1.4.3."""

_LOGO = Rule(r"|https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", "give an https address without a query")
_SUPPORT = Rule(
    r"|https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/?=&-]*)?|mailto:[A-Za-z0-9._+-]+@[a-z0-9.-]+",
    "give an https address, or mailto: and an address",
)
_OWN_COLOUR = Rule(f"|{_COLOUR.pattern}", _COLOUR.problem)


def _readable(options: Options, name: str, grounds: Sequence[str]) -> None:
    """Raises if a colour, where there is one, cannot be read as a link on these grounds.

    Raises:
        ConfigError: it cannot.
    """
    for ground in grounds if getattr(options, name) else ():
        found = contrast(getattr(options, name), ground)
        if found < _READABLE:
            raise options.wrong(
                name, f"its contrast with {ground} is {found:.1f} to 1; choose a colour with {_READABLE} or more"
            )


class BrandOptions(Options, Palette):
    """The pages that people see while they sign in."""

    organisation: str = option(matches(_SHOWN), default="")
    """Whose servers these are, as people know it, such as Contoso; shown on every page. If empty, pages show the gateway's host name."""
    logo_url: str = option(
        matches(_LOGO),
        default="",
    )
    """Address of a logo that pages show, such as https://contoso.example/logo.svg. If empty, a plain mark."""
    accent_color: str = option(matches(_COLOUR), default=ACCENT)
    """Colour of buttons and links by day, as #rrggbb. It must be readable on white."""
    accent_color_dark: str = option(matches(_COLOUR), default=ACCENT_DARK)
    """Colour of buttons and links by night, as #rrggbb. It must be readable on a dark page."""
    support_url: str = option(
        matches(_SUPPORT),
        default="",
    )
    """Where people find help, an https address or mailto:help@contoso.example; every page links to it."""

    def check(self) -> None:
        _readable(self, "accent_color", _LIGHT)
        _readable(self, "accent_color_dark", _DARK)

    @property
    def image_source(self) -> str:
        """Where the pages' content security policy lets images come from."""
        return "/".join(self.logo_url.split("/")[:3]) if self.logo_url else "'none'"


class ServerBrandOptions(Options):
    """How one server shows itself on the page that asks for consent; its name is displayName. The rest of the page is the gateway's."""

    server_owner: str = option(matches(_SHOWN), default="")
    """Who runs the server, as people know them, such as Contoso Finance. If empty, it is the gateway's organisation."""
    server_logo_url: str = option(matches(_LOGO), default="")
    """Address of the server's logo, such as https://contoso.example/finance.svg. If empty, there is none."""
    server_accent_color: str = option(matches(_OWN_COLOUR), default="")
    """Colour of the page's buttons and links by day, as #rrggbb. If empty, it is the gateway's."""
    server_accent_color_dark: str = option(matches(_OWN_COLOUR), default="")
    """Colour of the page's buttons and links by night, as #rrggbb. If empty, it is the gateway's."""
    server_support_url: str = option(matches(_SUPPORT), default="")
    """Where people find help with the server, an https address or mailto: and an address."""

    def check(self) -> None:
        _readable(self, "server_accent_color", _LIGHT)
        _readable(self, "server_accent_color_dark", _DARK)

    @property
    def brand(self) -> Mapping[str, str]:
        """What the gateway is told of it, by the names that its consent page knows; what was not given is not there."""
        given = {
            "owner": self.server_owner,
            "logo": self.server_logo_url,
            "support": self.server_support_url,
            "accent": self.server_accent_color,
            "onAccent": self.server_accent_color and ink(self.server_accent_color),
            "accentDark": self.server_accent_color_dark,
            "onAccentDark": self.server_accent_color_dark and ink(self.server_accent_color_dark),
        }
        return {name: value for name, value in given.items() if value}
