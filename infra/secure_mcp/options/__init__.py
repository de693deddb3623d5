"""Options: each is named, typed, defaulted, bounded and described once, in a class of its own subject.

The class is the arguments of a component and their validated form. What else shows an option is derived from it: the `config:`
block of `Pulumi.yaml`, the schema of the component provider, `docs/options.md` (`written`, `schema`).

Why not pydantic: it adds 0.13 s and a compiled library to the start of every program (Pulumi's own import is 0.17 s), knows no
outputs of Pulumi, and each of its messages would have to be written anew to name key, value and fix in one sentence. What
is left to save are the sixty lines of `declared`.
"""

from .checks import Check, Rule, each, length, matches, names, one_of, unlike
from .config import load
from .declared import Options, Taken, option
from .error import ConfigError, key_of

__all__ = [
    "Check",
    "ConfigError",
    "Options",
    "Rule",
    "Taken",
    "each",
    "key_of",
    "length",
    "load",
    "matches",
    "names",
    "one_of",
    "option",
    "unlike",
]
