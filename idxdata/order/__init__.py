"""What `idxdata.plan` is made of: the permutation, subsets, strata."""
