"""What an expression takes from its surroundings besides `context`: time and chance, so that tests can set both."""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from apim_policies.clock import Clock


@dataclass
class Profile:
    clock: Clock = field(default_factory=Clock)
    """`DateTime.UtcNow` and its relatives."""
    random_bytes: Callable[[int], bytes] = os.urandom
    """`RNGCryptoServiceProvider.GetBytes` and the seed of `new Random()`."""
    guid: Callable[[], uuid.UUID] = uuid.uuid4
    """`Guid.NewGuid()`."""
    newline: str = "\r\n"
    """`Environment.NewLine`: the managed gateway runs on Windows. Seen in indented JSON and `AppendLine`."""
