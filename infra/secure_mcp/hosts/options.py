"""What can be chosen about what runs a server."""

from ..azure.placement import RecoveryOptions
from ..options import one_of, option
from ..package import PYTHON_VERSION, PYTHON_VERSIONS

_MEMORY = (512, 2048, 4096)


class FunctionAppOptions(RecoveryOptions):
    """The function app that runs a server."""

    code: str = option(configured=False)
    """Folder of the function app: absolute, or relative to the program."""
    deploy_code: bool = True
    """Whether the function app's code is deployed too. If not, something else has to, such as a pipeline of its own."""
    python_version: str = option(one_of(*PYTHON_VERSIONS), default=PYTHON_VERSION)
    """Version of Python that the function app runs on, 3.13 or 3.12."""
    instance_memory_mb: int = option(
        lambda size: None if size in _MEMORY else f"use one of {', '.join(map(str, _MEMORY))}", default=2048
    )
    """Memory of each of the function app's instances in MB: 512, 2048 or 4096."""
    maximum_instance_count: int = option(default=40, at_least=40, at_most=1000)
    """Instances of the function app at most, 40 to 1000."""
    always_ready_instances: int = option(default=0, at_least=0, at_most=100)
    """Instances of the function app that never sleep and are paid for all day; 0: the first call after a pause waits."""
