"""One file a framework, with the same names in each; imports nothing by itself.

`dataset(batches, epochs)` is the framework's own kind of dataset; `tensors(batches,
epoch)` is a plain iterator of tensor pairs over our memory, the cheapest way in.
"""
