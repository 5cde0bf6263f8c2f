"""One file a framework, with the same names in each; imports nothing by itself.

- `tensors(batches, epoch, start_step=0)`: one epoch, by the cheapest way in.
- `dataset(batches, epochs)`: the framework's own kind of dataset of whole batches, from
  the batches' position (which `Batches.restore` sets) to the end of epoch `epochs` - 1.
  To iterate it again is to start there again.
- `resident(batches, device)`: the split as bytes on a device, copied once; its
  `tensors(epoch, start_step=0)` are gathered and converted there.

All give the same bits: pairs (images, labels) of the batches' format or, with plans
that pad, triples (images, labels, mask) in every step. Row numbers are
`batches.plan.indices(epoch, step)`. A plan is one rank's, and so are its batches.

`ray` is of another kind: `read_idx` makes datasets of Ray Data, whose workers read the
files and which has an order of its own; `convert` gives batches of it the same numbers.
"""
