"""Measures of the policy engine over folders of other people's policies."""
