"""Fashion-MNIST."""

from idxdata.catalogue.records import FileRecord, Record

FILES = (
    FileRecord(
        split="train",
        role="images",
        name="train-images-idx3-ubyte.gz",
        shape=(60000, 28, 28),
        nbytes=26_421_880,
        sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    ),
    FileRecord(
        split="train",
        role="labels",
        name="train-labels-idx1-ubyte.gz",
        shape=(60000,),
        nbytes=29_515,
        sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        md5="25c81989df183df01b3e8a0aad5dffbe",
        is_hash_verified=True,
    ),
    FileRecord(
        split="test",
        role="images",
        name="t10k-images-idx3-ubyte.gz",
        shape=(10000, 28, 28),
        nbytes=4_422_102,
        sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        md5="bef4ecab320f06d8554ea6380940ec79",
    ),
    FileRecord(
        split="test",
        role="labels",
        name="t10k-labels-idx1-ubyte.gz",
        shape=(10000,),
        nbytes=5_148,
        sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        md5="bb300cfdad3c16e7a12a480ee83cd310",
        is_hash_verified=True,
    ),
)

FASHION_MNIST = Record(
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    license="MIT (Zalando SE)",
    citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    folder="fashion_mnist",
    files=FILES,
    # The one that is not encrypted comes last.
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    quirks=("the same file names as MNIST's: keep them in folders of their own",),
    sources=(
        "torchvision 0.29.2 wheel torchvision/datasets/mnist.py",
        "pytorch/vision@01c11a0 torchvision/prototype/datasets/_builtin/mnist.py",
        "tensorflow_datasets 4.9.10 wheel url_checksums/fashion_mnist.txt",
        "zalandoresearch/fashion-mnist README.md, LICENSE",
        "keras/src/datasets/fashion_mnist.py (no hash)",
    ),
)
