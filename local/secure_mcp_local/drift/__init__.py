"""Whether what was deployed is what the program renders: asked of Azure, reading only."""
