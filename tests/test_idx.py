"""The file door: what is written is read back, and nothing else is read at all."""

import gzip
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import (
    FormatError,
    HeaderError,
    IdxDataError,
    PayloadSizeError,
    gunzip,
    open_idx,
    payload,
    read_header,
    read_idx,
    write_idx,
)
from idxdata.engine import Engine
from tests.gzip_members import (
    with_all_fields,
)
from tests.reading import PIECE_SIZES, SMALL, read_plain
from tests.strategies import (
    IDX_TYPES,
    Array,
    idx_arrays,
    parse_idx,
    plain,
    raw_idx,
)

pytestmark = pytest.mark.usefixtures("each_engine")

# Round trips and the oracle


@given(
    array=idx_arrays(),
    name=st.sampled_from(["a", "a.gz"]),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_round_trip(array: Array, name: str, piece: int, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        back, header = read_idx(path), read_header(path)
    assert plain(back) == plain(array)
    assert back.dtype.isnative
    assert type(back) is np.ndarray
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert back.flags.aligned
    assert (header.dtype, header.shape) == (back.dtype, back.shape)
    assert (header.offset, header.nbytes) == (4 + 4 * back.ndim, back.nbytes)


@given(array=idx_arrays(), name=st.sampled_from(["b", "b.gz"]))
def test_open_idx_agrees(array: Array, name: str, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    os.utime(path, ns=(0, zlib.crc32(path.read_bytes())))
    mapped = open_idx(path)
    assert plain(mapped) == plain(array)
    assert mapped.dtype.isnative
    assert type(mapped) is np.ndarray
    assert mapped.flags.c_contiguous
    assert mapped.flags.writeable


@given(array=idx_arrays(), name=st.sampled_from(["c", "c.gz"]))
def test_the_oracle_reads_what_is_written(array: Array, name: str, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    assert parse_idx(path.read_bytes()) == plain(array)


@given(
    code=st.sampled_from(sorted(IDX_TYPES)),
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple),
    cuts=st.lists(st.integers(0, 90), max_size=4).map(sorted),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_member_boundaries_may_lie_anywhere(
    code: int, shape: tuple[int, ...], cuts: list[int], piece: int, place: Path
) -> None:
    """In the magic, in the dims, in an element; empty members count as well."""
    payload = bytes(range(256)) * 8
    data = raw_idx(code, shape, payload[: IDX_TYPES[code][1] * int(np.prod(shape))])
    ends = [*(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    path = place / "members.gz"
    path.write_bytes(b"".join(with_all_fields(part).raw for part in parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        assert read_plain(path) == parse_idx(data) == parse_idx(path.read_bytes())


@given(array=idx_arrays(), level=st.integers(0, 9))
def test_gz_output_depends_on_the_array_alone(
    array: Array, level: int, place: Path
) -> None:
    one, two = place / "one.gz", place / "two.gz"
    write_idx(one, array, level=level)
    # Another memory layout and another clock, the same file.
    os.utime(one, (0, 0))
    write_idx(two, array.astype(array.dtype.newbyteorder(">")).copy(), level=level)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[4:8] == bytes(4)
    assert parse_idx(one.read_bytes()) == plain(array)


@pytest.mark.volume
def test_large_array_in_many_chunks(tmp_path: Path) -> None:
    array = np.arange(3 * 700_001, dtype=">i4").reshape(700_001, 3).T
    for name in ("a", "a.gz"):
        write_idx(tmp_path / name, array, level=1)
        assert np.array_equal(read_idx(tmp_path / name), array)
        assert np.array_equal(open_idx(tmp_path / name), array)


@pytest.mark.parametrize("values", [[1.5, 2.5], [[1, 2], [3, 4]]])
def test_array_likes_are_written(values: list[float], tmp_path: Path) -> None:
    array = np.asarray(values, "f4")
    write_idx(tmp_path / "a", memoryview(array))
    assert plain(read_idx(tmp_path / "a")) == plain(array)


@pytest.mark.parametrize("engine", ["auto", "zlib"])
def test_engines_agree(engine: Engine, tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(9, dtype="f8"))
    assert read_idx(tmp_path / "a.gz", engine=engine).tolist() == list(range(9))


def test_unknown_engine(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros(1, "u1"))
    with pytest.raises(ValueError, match="'turbo'"):
        read_idx(tmp_path / "a", engine="turbo")  # type: ignore[arg-type]


# Things that are no files of data


@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_empty_file(function: Callable[[Path], object], tmp_path: Path) -> None:
    for name, data in (("a", b""), ("b.gz", b""), ("c.gz", gzip.compress(b""))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(HeaderError) as caught:
            function(tmp_path / name)
        assert (caught.value.offset, caught.value.found) == (0, "0 bytes")
        assert caught.value.hint == "the file is empty"


@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_missing_file_and_folder(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        function(tmp_path / "missing")
    with pytest.raises((IsADirectoryError, FormatError)):
        function(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_a_pipe_is_refused_at_once(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    errors = []

    def read() -> None:
        try:
            function(path)
        except (OSError, IdxDataError) as error:
            errors.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=0.5)
    hangs = reader.is_alive()
    if hangs:
        # Let the thread go: it waits for somebody to open the other end.
        os.close(os.open(path, os.O_WRONLY))
        reader.join()
    assert not hangs
    assert [type(error) for error in errors] == [FormatError]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_is_refused() -> None:
    with pytest.raises(FormatError) as caught:
        read_idx("/dev/zero")
    assert caught.value.path == "/dev/zero"


@pytest.mark.parametrize("nbytes", [0, 100, 100_000, 100_013])
def test_file_that_changes_size_while_it_is_read(nbytes: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.zeros(100_000, "u1"))
    with payload.open_source(path) as source:
        source.check_size()
        os.truncate(path, nbytes)
        with pytest.raises(PayloadSizeError):
            source.readinto(memoryview(bytearray(100_000)))
            source.finish()


def test_failures_close_their_files(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    data = with_all_fields(SMALL["u1"]).raw
    before = len(list(descriptors.iterdir()))
    for length in range(len(data)):
        (tmp_path / "a.gz").write_bytes(data[:length])
        assert read_plain(tmp_path / "a.gz") is None
    assert len(list(descriptors.iterdir())) == before


# The files that it is all about


@pytest.mark.volume
def test_real_files_agree_with_the_oracle(mnist_folder: Path) -> None:
    for name in ("t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        path = mnist_folder / name
        assert plain(read_idx(path)) == parse_idx(path.read_bytes())
