"""Compiled kernels: numba only, no I/O, no raise, no allocation.

Nothing above this folder imports these modules at import time: each is
imported inside the function that needs it, so `import idxdata` does not load
numba.
"""
