"""`python -m secure_mcp_local`: the command `secure-mcp`."""

from secure_mcp_local.cli import main

main()
