"""What `idxdata.cache` is made of: layout, entries, building, sweeping, verifying."""
