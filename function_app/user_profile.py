"""The user's profile at Microsoft Graph, read with the user's own rights."""

import json
import urllib.error
import urllib.request
from typing import Any

_SECONDS = 20


class ProfileRefused(Exception):
    """Why there is no profile, in words for the user."""


def read(address: str, token: str) -> dict[str, Any]:
    """The profile of the user whose token it is: https://learn.microsoft.com/graph/api/user-get

    Args:
        address: Of Microsoft Graph, such as https://graph.microsoft.com.
        token: The user's, with the permission User.Read.

    Raises:
        ProfileRefused: Microsoft Graph did not give it.
    """
    if not address.startswith("https://"):
        raise ProfileRefused("The address of Microsoft Graph must begin with https://.")
    request = urllib.request.Request(f"{address}/v1.0/me", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        # Its code says what is wrong; nothing else of the answer is anybody's business.
        raise ProfileRefused(f"Microsoft Graph answered {error.code} ({_code(error)}).") from None
    except OSError:
        raise ProfileRefused("Microsoft Graph cannot be reached now.") from None


def _code(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["code"])[:60]
    except (ValueError, KeyError, TypeError):
        return "no reason"
