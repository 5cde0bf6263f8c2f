"""DEFLATE alone, memory to memory, no checksum: one contender a file.

Each has `decoder(source, nbytes)`: a function that decodes the raw DEFLATE stream
`source`, of `nbytes` decoded bytes, and returns them. Peers are told the size, so that
none of them grows its output; all of them allocate it at each call.
"""
