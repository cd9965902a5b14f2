"""A labelled table -> a checkpoint."""
