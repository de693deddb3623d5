"""Diagrams of `docs/flows.md`, drawn from what the dev stack declares and from what the local cloud does: `make diagrams`."""
