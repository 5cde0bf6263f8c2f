"""What bytes look like when they are not the IDX that was expected."""

XZ_MAGIC = b"\xfd7zXZ\0"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""Of an archive's first member, and of an archive without any."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip data"),
    (XZ_MAGIC, "xz data"),
    (ZIP_MAGICS[0], "a zip archive (an .npz is one too)"),
    (b"BZh", "bzip2 data"),
    (b"\x28\xb5\x2f\xfd", "zstandard data"),
    (b"\x93NUMPY", "a NumPy .npy file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)

# Lush matrix magics as the NORB files carry them: little-endian 0x1E3D4C51 .. 56.
_LUSH = {bytes([low, 0x4C, 0x3D, 0x1E]) for low in range(0x51, 0x57)}

LOOKAHEAD_NBYTES = 64
"""How many bytes `looks_like` wants to see; fewer will do."""


def looks_like(prefix: bytes) -> str | None:
    """A name for what begins with `prefix`, or None where nothing known matches.

    `prefix` holds the first bytes of a file or of a decompressed stream.
    """
    for signature, name in _SIGNATURES:
        if prefix.startswith(signature):
            return name
    if prefix[:4] in _LUSH:
        return "a Lush/NORB matrix"
    text = prefix.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "an HTML or XML page, perhaps a failed download"
    if prefix[2:4] == b"\0\0" and prefix[:1] != b"\0" and 8 <= prefix[1] <= 14:
        return "an IDX header in little-endian order"
    return None
