"""Texts -> scored rows; a file -> a file."""
