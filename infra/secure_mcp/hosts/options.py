"""What can be chosen about what runs a server."""

from ..options import Options, option


class FunctionAppOptions(Options):
    """The function app that runs a server."""

    code: str = option(configured=False)
    """Folder of the function app: absolute, or relative to the program."""
    deploy_code: bool = True
    """Whether the function app's code is deployed too. If not, something else has to, such as a pipeline of its own."""
