"""TensorFlow or PyTorch? A comparison small enough to read, and to hand in.

What it shows: two frameworks train the same network from the same weights on the same
batches, so their losses agree to rounding, which training amplifies step by step; what is
left over is their time. Time is split into waiting for data and computing, and the first
epoch, in which things are traced and memory is found, is not counted.

    python examples/compare_two_frameworks.py --data glyphs --epochs 4

What it does not show: how sure one can be. One run on one machine says little; `make bench`
repeats, takes turns, and gives intervals.
"""

import argparse
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import torch

import idxdata
from idxdata.adapters import tensorflow as for_tensorflow
from idxdata.adapters import torch as for_torch

HIDDEN, RATE, SEED = 100, 0.3, 1


def initial_weights(num_pixels, num_classes):
    """One set for both: drawn by NumPy, not by either framework's defaults."""
    random = np.random.default_rng(SEED)
    shapes = [(num_pixels, HIDDEN), (HIDDEN,), (HIDDEN, num_classes), (num_classes,)]
    return [
        random.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)
        * (len(shape) > 1)
        for shape in shapes
    ]


class InTorch:
    def __init__(self, weights):
        self.weights = [torch.tensor(one, requires_grad=True) for one in weights]

    def logits(self, images):
        w1, b1, w2, b2 = self.weights
        return torch.relu(images @ w1 + b1) @ w2 + b2

    def step(self, images, labels):
        loss = torch.nn.functional.cross_entropy(self.logits(images), labels)
        for weight, gradient in zip(
            self.weights, torch.autograd.grad(loss, self.weights), strict=True
        ):
            weight.data -= RATE * gradient
        return loss.item()

    def predict(self, images):
        return self.logits(torch.from_numpy(images)).argmax(1).numpy()


class InTensorFlow:
    def __init__(self, weights):
        self.weights = [tf.Variable(one) for one in weights]

    def logits(self, images):
        w1, b1, w2, b2 = self.weights
        return tf.nn.relu(images @ w1 + b1) @ w2 + b2

    @tf.function(reduce_retracing=True)
    def _step(self, images, labels):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, self.logits(images)
            )
            loss = tf.reduce_mean(losses)
        for weight, gradient in zip(
            self.weights, tape.gradient(loss, self.weights), strict=True
        ):
            weight.assign_sub(RATE * gradient)
        return loss

    def step(self, images, labels):
        return float(self._step(images, labels))

    def predict(self, images):
        return tf.argmax(self.logits(images), 1).numpy()


def train(model, adapter, batches, epochs):
    """Losses of all steps; seconds of data and of compute, the first epoch left out."""
    losses, data_s, compute_s = [], 0.0, 0.0
    for epoch in range(epochs):
        stream = iter(adapter.tensors(batches, epoch))
        while True:
            start = time.perf_counter()
            batch = next(stream, None)
            ready = time.perf_counter()
            if batch is None:
                break
            losses.append(model.step(*batch))
            if epoch or epochs == 1:
                data_s += ready - start
                compute_s += time.perf_counter() - ready
    return losses, data_s, compute_s


def plot(results, path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    for name, (losses, data_s, compute_s) in results.items():
        left.plot(losses, label=name, alpha=0.7)
        right.barh(name, data_s, color="tab:gray")
        right.barh(name, compute_s, left=data_s)
    left.set(xlabel="step", ylabel="loss", title="the same losses")
    left.legend()
    right.set(xlabel="seconds: data (grey), compute", title="not the same time")
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="glyphs", help="a dataset's name or a folder")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--examples", type=int, help="only the first so many")
    parser.add_argument("--plot", default="comparison.png")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    # The same for both. More than one only on a machine with nothing else to do: beside
    # another busy process PyTorch's two threads can take twenty times as long as one.
    torch.set_num_threads(options.threads)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    data = idxdata.load(options.data)
    train_split = data.train[: options.examples]
    form = idxdata.BatchFormat(layout="flat")
    plan = idxdata.Plan(len(train_split), 100, seed=SEED)
    test_images, test_labels = data.test.to_xy()
    weights = initial_weights(test_images.shape[1], len(data.classes))
    results, digests = {}, []
    for name, kind, adapter in (
        ("PyTorch", InTorch, for_torch),
        ("TensorFlow", InTensorFlow, for_tensorflow),
    ):
        batches = idxdata.Batches(train_split, plan, format=form)
        digests.append(batches.digest(0))
        model = kind(weights)
        results[name] = train(model, adapter, batches, options.epochs)
        accuracy = (model.predict(test_images) == test_labels).mean()
        _, data_s, compute_s = results[name]
        print(
            f"{name:<11} {accuracy:.2%} right; "
            f"data {data_s:.2f} s, compute {compute_s:.2f} s"
        )
    assert digests[0] == digests[1], "not the same batches"
    one, other = (np.array(losses) for losses, *_ in results.values())
    print(f"losses differ by at most {np.abs(one - other).max():.1e}")
    plot(results, options.plot)
    print(f"plot: {options.plot}")


if __name__ == "__main__":
    main()
