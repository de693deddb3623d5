"""What can be chosen about every API."""

from collections.abc import Sequence

from ..options import Options, each, option
from ..options.rules import ORIGINS


class OriginOptions(Options):
    """Who may call from a browser."""

    allowed_origins: Sequence[str] = option(each(ORIGINS), default=())
    """Browser origins that may call the APIs, such as https://app.example.com or tauri://localhost; compared exactly."""

    @property
    def cors_origins(self) -> Sequence[str]:
        """Origins for API Management's cors, of which nobody knows whether it takes other schemes than those of the web."""
        of_the_web = all(origin.startswith(("http://", "https://")) for origin in self.allowed_origins)
        return self.allowed_origins if of_the_web else ("*",)
