"""QMNIST: MNIST made again from NIST, with all 60,000 test images."""

from dataclasses import replace

from idxdata.catalogue.records import DIGITS, FileRecord, Record, Subset

FILES = (
    FileRecord(
        split="train",
        role="images",
        name="qmnist-train-images-idx3-ubyte.gz",
        shape=(60000, 28, 28),
        sha256="9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
        md5="ed72d4157d28c017586c42bc6afe6370",
    ),
    FileRecord(
        split="train",
        role="labels",
        name="qmnist-train-labels-idx2-int.gz",
        shape=(60000, 8),
        dtype="int32",
        nbytes=463_024,
        sha256="2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
        md5="0058f8dd561b90ffdd0f734c6a30e5e4",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="images",
        name="qmnist-test-images-idx3-ubyte.gz",
        shape=(60000, 28, 28),
        sha256="43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
        md5="1394631089c404de565df7b7aeaf9412",
    ),
    FileRecord(
        split="test",
        role="labels",
        name="qmnist-test-labels-idx2-int.gz",
        shape=(60000, 8),
        dtype="int32",
        nbytes=526_800,
        sha256="9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
        md5="5b5b05890a5e13444e108efe57b788aa",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="labels",
        name="qmnist-test-labels-idx1-ubyte.gz",
        shape=(60000,),
        nbytes=29_026,
        sha256="3f384004f51536c2a29f2ce4d36388ee6cb8fff45bc3ad0cc588a86f2cc76375",
        md5="1c42a8f34c1dc2650a74dd83ed34a9c9",
        is_hash_verified=True,
    ),
)

NIST_FILES = (
    FileRecord(
        split="nist",
        role="images",
        name="xnist-images-idx3-ubyte.xz",
        shape=(402953, 28, 28),
        kind="xz",
        sha256="f075553993026d4359ded42208eff77a1941d3963c1eff49d6015814f15f0984",
        md5="7f124b3b8ab81486c9d8c2749c17f834",
    ),
    FileRecord(
        split="nist",
        role="labels",
        name="xnist-labels-idx2-int.xz",
        shape=(402953, 8),
        dtype="int32",
        kind="xz",
        nbytes=958_144,
        sha256="db042968723ec2b7aed5f1beac25d2b6e983b9286d4f4bf725f1086e5ae55c4f",
        md5="5ed0e788978e45d4a8bd4b7caec3d79d",
        is_hash_verified=True,
    ),
)

QMNIST = Record(
    name="qmnist",
    title="QMNIST",
    classes=DIGITS,
    license="BSD-style (LICENSE in the repository)",
    citation="Yadav, Bottou: Cold Case: The Lost MNIST Digits, arXiv:1905.10498",
    homepage="https://github.com/facebookresearch/qmnist",
    folder="qmnist",
    files=FILES,
    mirrors=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
    label_columns=(
        "class",
        "hsf_series",
        "writer_id",
        "digit_index",
        "nist_class",
        "global_index",
        "duplicate",
        "unused",
    ),
    subsets=(
        Subset("test10k", "test", 0, 10_000),
        Subset("test50k", "test", 10_000, None),
    ),
    quirks=(
        (
            "labels are a table of eight int32 columns, in big-endian order: the class is "
            "the first, the others are Split.attributes"
        ),
        "test[:10000] are MNIST's test images, the rest are new",
        "writer ids and digit indices go beyond the ranges in the keepers' README",
    ),
    sources=(
        "facebookresearch/qmnist README.md, qmnist.py",
        "torchvision 0.29.2 wheel torchvision/datasets/mnist.py",
        "pytorch/vision@01c11a0 torchvision/prototype/datasets/_builtin/mnist.py",
    ),
)

QMNIST_NIST = replace(
    QMNIST,
    name="qmnist/nist",
    title="QMNIST with all of NIST's digits",
    files=(*FILES, *NIST_FILES),
    quirks=(*QMNIST.quirks, "the nist split holds the train and test images too"),
)
