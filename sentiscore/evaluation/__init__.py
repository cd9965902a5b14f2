"""A checkpoint and a labelled table -> an honest report."""
