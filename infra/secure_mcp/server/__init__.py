"""What is one MCP server's: its API."""
