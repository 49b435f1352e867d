"""Measurements: `python -m benchmarks.NAME [--quick] [--json FILE]`. No part of the installed package."""
