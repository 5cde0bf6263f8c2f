"""The same models in every framework. No data code: batches come as an iterable."""
