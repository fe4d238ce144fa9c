"""Syncs of connectors and data extensions: what is kept of them, how they proceed, and whom they tell."""
