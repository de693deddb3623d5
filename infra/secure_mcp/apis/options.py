"""What can be chosen about every API."""

from collections.abc import Sequence

from ..options import Options, each, option
from ..options.rules import ORIGINS


class OriginOptions(Options):
    """Who may call from a browser."""

    allowed_origins: Sequence[str] = option(each(ORIGINS), default=())
    """Browser origins that may call the APIs, such as https://app.example.com."""
