"""Pulumi components that put an MCP server on the internet without exposing it."""

import lazy_loader

# Each name comes with its module when it is first asked for, so that tools which need none of the components do without Pulumi. What there is says
# the stub, to type checkers as well.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
