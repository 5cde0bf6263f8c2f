"""MNIST, and the .npz as which Keras distributes it."""

from idxdata.catalogue.records import DIGITS, FileRecord, Record

FILES = (
    FileRecord(
        split="train",
        role="images",
        name="train-images-idx3-ubyte.gz",
        shape=(60000, 28, 28),
        nbytes=9_912_422,
        sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        md5="f68b3c2dcbeaaa9fbdd348bbdeb94873",
        is_hash_verified=True,
    ),
    FileRecord(
        split="train",
        role="labels",
        name="train-labels-idx1-ubyte.gz",
        shape=(60000,),
        nbytes=28_881,
        sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        md5="d53e105ee54ea40749a09fcbcd1e9432",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="images",
        name="t10k-images-idx3-ubyte.gz",
        shape=(10000, 28, 28),
        nbytes=1_648_877,
        sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        md5="9fb629c4189551a2d022fa330f9573f3",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="labels",
        name="t10k-labels-idx1-ubyte.gz",
        shape=(10000,),
        nbytes=4_542,
        sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        md5="ec29112dd5afa0611ce80d1b7f02629c",
        is_hash_verified=True,
    ),
)

_KEEPER = "LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998"
_LICENSE = "unclear: Keras says CC BY-SA 3.0, the authors do not say"

MNIST = Record(
    name="mnist",
    title="MNIST",
    classes=DIGITS,
    license=_LICENSE,
    citation=_KEEPER,
    homepage="http://yann.lecun.com/exdb/mnist/",
    folder="mnist",
    files=FILES,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://storage.googleapis.com/torch-datasets/mnist/",
    ),
    quirks=(
        "the original host answers 404; the mirrors have the same bytes",
        (
            "the gzip headers name train-images.idx3-ubyte, with a dot: gunzip -N and "
            "7-Zip leave files of that spelling"
        ),
    ),
    sources=(
        "torchvision 0.29.2 wheel torchvision/datasets/mnist.py",
        "pytorch/vision@01c11a0 torchvision/prototype/datasets/_builtin/mnist.py",
        "tensorflow_datasets 4.9.10 wheel url_checksums/mnist.txt",
        "mlverse/torch#1024",
    ),
)

_NPZ_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

KERAS_MNIST = Record(
    name="keras_mnist",
    title="MNIST as Keras's mnist.npz",
    classes=DIGITS,
    license=_LICENSE,
    citation=_KEEPER,
    homepage="https://keras.io/api/datasets/mnist/",
    folder="keras_mnist",
    files=(
        FileRecord(
            split="train",
            role="images",
            name="mnist.npz",
            shape=(60000, 28, 28),
            kind="npz",
            sha256=_NPZ_SHA256,
            array="x_train",
        ),
        FileRecord(
            split="train",
            role="labels",
            name="mnist.npz",
            shape=(60000,),
            kind="npz",
            sha256=_NPZ_SHA256,
            array="y_train",
        ),
        FileRecord(
            split="test",
            role="images",
            name="mnist.npz",
            shape=(10000, 28, 28),
            kind="npz",
            sha256=_NPZ_SHA256,
            array="x_test",
        ),
        FileRecord(
            split="test",
            role="labels",
            name="mnist.npz",
            shape=(10000,),
            kind="npz",
            sha256=_NPZ_SHA256,
            array="y_test",
        ),
    ),
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
    quirks=("one .npz with four arrays, not IDX; it is read into memory",),
    sources=("keras/src/datasets/mnist.py",),
)
