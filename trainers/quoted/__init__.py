"""Results that others quote, made again: one recipe each, judged once by the test set."""
