"""Kannada-MNIST, Oracle-MNIST, notMNIST, and what infimnist makes."""

from dataclasses import replace

from idxdata.catalogue.records import DIGITS, FileRecord, Record

_NO_HASH = "no hash of train images is published: https, size and shape must do"

KANNADA_FILES = (
    FileRecord(
        split="train",
        role="images",
        name="X_kannada_MNIST_train-idx3-ubyte.gz",
        shape=(60000, 28, 28),
    ),
    FileRecord(
        split="train",
        role="labels",
        name="y_kannada_MNIST_train-idx1-ubyte.gz",
        shape=(60000,),
        nbytes=199,
        sha256="ef11e1d3e378fefbe78d4c9913dc9617c83fc5f9240b090121fcc335b5642201",
        md5="f1f06031670554894b697988b906b036",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="images",
        name="X_kannada_MNIST_test-idx3-ubyte.gz",
        shape=(10000, 28, 28),
        nbytes=1_120_203,
        sha256="4628f3fa7b1d32137449dd356be4601da0c28c420b79f1b745a5134504ca35ca",
        md5="8682876e8fbc8cd0e7bb07fc2f502335",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="labels",
        name="y_kannada_MNIST_test-idx1-ubyte.gz",
        shape=(10000,),
        nbytes=103,
        sha256="645db5902d290681c9e5b452428e24636963a50a3036c2201240351b88786272",
        md5="b426d27d50a5fd8411b9e5838868be4b",
        is_hash_verified=True,
    ),
)

DIG_FILES = (
    FileRecord(
        split="dig",
        role="images",
        name="X_dig_MNIST-idx3-ubyte.gz",
        shape=(10240, 28, 28),
        nbytes=1_395_287,
        sha256="abda37c59d3d65ef89505860c18e7b7f7e80bfb2ba361ec1df68949e0c630aaa",
        md5="d224f44185e453487ad5af34e201a87c",
        is_hash_verified=True,
    ),
    FileRecord(
        split="dig",
        role="labels",
        name="y_dig_MNIST-idx1-ubyte.gz",
        shape=(10240,),
        nbytes=92,
        sha256="321fa413dc0f4bc4342da1f3418c656cd346f91d6d479ea67b1a107e920b907b",
        md5="9f9e1a4ecb080d70c5953eed2d8121f0",
        is_hash_verified=True,
    ),
)

KANNADA_MNIST = Record(
    name="kannada_mnist",
    title="Kannada-MNIST",
    classes=DIGITS,
    license="none found in the repository",
    citation="Prabhu: Kannada-MNIST, arXiv:1908.01242",
    homepage="https://github.com/vinayprabhu/Kannada_MNIST",
    folder="kannada_mnist",
    files=KANNADA_FILES,
    mirrors=(
        "https://raw.githubusercontent.com/vinayprabhu/Kannada_MNIST/master/data/output_tensors/MNIST_format/",
    ),
    quirks=(
        _NO_HASH,
        (
            "labels are 0, 1, ..., 9 again and again, hence files of 199 and 103 bytes, a "
            "ratio of 300 to 1"
        ),
    ),
    sources=("vinayprabhu/Kannada_MNIST@f8390ec data/output_tensors/MNIST_format/",),
)

KANNADA_DIG = replace(
    KANNADA_MNIST,
    name="kannada_mnist/dig",
    title="Kannada-MNIST with Dig-MNIST",
    files=(*KANNADA_FILES, *DIG_FILES),
    quirks=(
        *KANNADA_MNIST.quirks,
        "the dig split was written by others, on other paper: a harder test",
    ),
)

ORACLE_MNIST = Record(
    name="oracle_mnist",
    title="Oracle-MNIST",
    classes=DIGITS,
    license="Apache-2.0 (LICENSE in the repository)",
    citation="Wang, Deng: Oracle-MNIST, arXiv:2205.09442",
    homepage="https://github.com/wm-bupt/oracle-mnist",
    folder="oracle_mnist",
    files=(
        FileRecord(
            split="train",
            role="images",
            name="train-images-idx3-ubyte.gz",
            shape=(27222, 28, 28),
        ),
        FileRecord(
            split="train",
            role="labels",
            name="train-labels-idx1-ubyte.gz",
            shape=(27222,),
            nbytes=13_647,
            sha256="45c65b236f8e169e6bd0875270d84cb132753351ca1938ae7935523ebd1e95fc",
            md5="f4000f1efcebacefeae504294fbc21c8",
            is_hash_verified=True,
        ),
        FileRecord(
            split="test",
            role="images",
            name="t10k-images-idx3-ubyte.gz",
            shape=(3000, 28, 28),
            nbytes=1_503_867,
            sha256="ca5e631c21fdbf452f2af8cb410d8546456b4b9820881b8d77150767496bf099",
            md5="1daa75f0d88ab972b1bf7457bd29829b",
            is_hash_verified=True,
        ),
        FileRecord(
            split="test",
            role="labels",
            name="t10k-labels-idx1-ubyte.gz",
            shape=(3000,),
            nbytes=1_569,
            sha256="e10758deebac47b5ce0a1fe87cea09d50cb797544ed7b7dbac61e5f709c074b0",
            md5="b23de57e6dd33d560734122f02e4d520",
            is_hash_verified=True,
        ),
    ),
    mirrors=(
        "https://raw.githubusercontent.com/wm-bupt/oracle-mnist/main/data/oracle/",
    ),
    quirks=(
        _NO_HASH,
        "MNIST's file names with other counts: 27,222 and 3,000",
        "the keepers number the ten characters and name none",
    ),
    sources=("wm-bupt/oracle-mnist@b6cb263 data/oracle/, README.md",),
)

NOTMNIST = Record(
    name="notmnist",
    title="notMNIST, converted to IDX",
    classes=(
        "A",
        "B",
        "C",
        "D",
        "E",
        "F",
        "G",
        "H",
        "I",
        "J",
    ),
    license='repository MIT; notMNIST itself "posted with permission" of its author',
    citation="Bulatov: notMNIST, 2011; Flanagan: notMNIST-to-MNIST",
    homepage="https://github.com/davidflanagan/notMNIST-to-MNIST",
    folder="notmnist",
    files=(
        FileRecord(
            split="train",
            role="images",
            name="train-images-idx3-ubyte.gz",
            shape=(60000, 28, 28),
        ),
        FileRecord(
            split="train",
            role="labels",
            name="train-labels-idx1-ubyte.gz",
            shape=(60000,),
            nbytes=29_455,
            sha256="0db4c4ec5d019838a57f8c9dd764ada7dc3c73e6ccc93032c538c5845f332545",
            md5="eab59f88903339e01dac19deed3824c0",
            is_hash_verified=True,
        ),
        FileRecord(
            split="test",
            role="images",
            name="t10k-images-idx3-ubyte.gz",
            shape=(10000, 28, 28),
            nbytes=3_172_375,
            sha256="70ae9e06201f2827e5b0a3781a3169d735dd2efc69996b9eeaee7f10ed4044d7",
            md5="2c87c839a4ef9b238846600eec8c35b7",
            is_hash_verified=True,
        ),
        FileRecord(
            split="test",
            role="labels",
            name="t10k-labels-idx1-ubyte.gz",
            shape=(10000,),
            nbytes=5_118,
            sha256="1fa03836e01c862542f8eb83463bb951bebec6fcb3efa28dad748c6b38a9021b",
            md5="7ea9118cbafd0f6e3ee2ad771d782a01",
            is_hash_verified=True,
        ),
    ),
    mirrors=(
        "https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/master/",
    ),
    quirks=(_NO_HASH, "a random sample of notMNIST"),
    sources=("davidflanagan/notMNIST-to-MNIST@17823f4",),
)

INFIMNIST = Record(
    name="infimnist",
    title="infimnist / MNIST8M",
    classes=DIGITS,
    license="generator LGPL",
    citation="Loosli, Canu, Bottou: Training Invariant Support Vector Machines, 2007",
    homepage="https://leon.bottou.org/projects/infimnist",
    folder="infimnist",
    files=(
        FileRecord(
            split="train",
            role="images",
            name="mnist8m-patterns-idx3-ubyte",
            shape=(None, 28, 28),
            kind="raw",
        ),
        FileRecord(
            split="train",
            role="labels",
            name="mnist8m-labels-idx1-ubyte",
            shape=(None,),
            kind="raw",
        ),
    ),
    quirks=(
        "made on your machine, any number of examples; there is no test split",
        "8,100,000 images are 6.35 GB, which a 32-bit offset cannot reach",
    ),
    sources=("albietz/infimnist_py infimnist.h",),
    how_to_make=(
        "infimnist pat 10000 8109999 > mnist8m-patterns-idx3-ubyte; "
        "infimnist lab 10000 8109999 > mnist8m-labels-idx1-ubyte"
    ),
)

GLYPHS = Record(
    name="glyphs",
    title="glyphs: digits drawn by this package's own code",
    classes=DIGITS,
    license="as this package",
    citation="idxdata.synthetic",
    homepage="",
    folder="glyphs",
)
