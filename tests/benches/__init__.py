"""Benchmarks; they run by hand and assert nothing."""
