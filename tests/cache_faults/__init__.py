"""What the tests of the cache share: looking into its folder, and doing it harm."""
