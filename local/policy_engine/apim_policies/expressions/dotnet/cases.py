"""Upper and lower case without a culture."""

from apim_policies.expressions.values.text import joined, utf16


def upper(text: str) -> str:
    """ToUpperInvariant: each character by its simple mapping; the dotless i stays."""
    return text.upper() if text.isascii() else utf16("".join(upper_unit(c) for c in joined(text)))


def upper_unit(character: str) -> str:
    if character == "\u0131":
        return character
    # Where the full mapping is longer, the title case is the simple mapping.
    return next((one for one in (character.upper(), character.title()) if len(one) == 1), character)


def lower(text: str) -> str:
    """ToLowerInvariant: the capital I with a dot stays."""
    return text.lower() if text.isascii() else utf16("".join(lower_unit(c) for c in joined(text)))


def lower_unit(character: str) -> str:
    return character if character == "\u0130" else character.lower()
