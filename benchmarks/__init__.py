"""Measuring: fresh processes, interleaved, with everything that could matter recorded."""
