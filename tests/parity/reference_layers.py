"""Layers in NumPy, each as one function: forward now, backward when it is called.

Every function takes a batch x (m, ...) and returns its output y and a function
backward(dy) -> (dx, gradients): the loss's derivatives by y go in, those by x and by the
layer's own numbers come out. Images are (m, height, width, channels). All in the dtype
of x, which is float64 in `reference.py`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tests.augment_oracle import fold

Array = NDArray[Any]
Backward = Callable[[Array], tuple[Array, dict[str, Array]]]
Forward = tuple[Array, Backward]

_DROPOUT = 17  # idxdata's number for this use of random words


def dense(x: Array, kernel: Array, bias: Array) -> Forward:
    """x (m, in), kernel (in, out), bias (out,)."""

    def backward(dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy @ kernel.T, {"kernel": x.T @ dy, "bias": dy.sum(axis=0)}

    return x @ kernel + bias, backward


def conv(x: Array, kernel: Array, bias: Array, padding: str) -> Forward:
    """x (m, h, w, in), kernel (size, size, in, out): a dense layer over patches."""
    size, _, channels, filters = kernel.shape
    border = size // 2 if padding == "same" else 0
    padded = np.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    # (m, rows, columns, in, size, size) -> (m, rows, columns, size, size, in)
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))
    windows = windows.transpose(0, 1, 2, 4, 5, 3)
    m, rows, columns = windows.shape[:3]
    patches = windows.reshape(-1, size * size * channels)
    y, dense_backward = dense(patches, kernel.reshape(-1, filters), bias)

    def backward(dy: Array) -> tuple[Array, dict[str, Array]]:
        d_patches, gradients = dense_backward(dy.reshape(-1, filters))
        d_windows = d_patches.reshape(m, rows, columns, size, size, channels)
        d_padded = np.zeros_like(padded)
        for i in range(size):
            for j in range(size):
                d_padded[:, i : i + rows, j : j + columns] += d_windows[:, :, :, i, j]
        height, width = x.shape[1:3]
        dx = d_padded[:, border : border + height, border : border + width]
        gradients["kernel"] = gradients["kernel"].reshape(kernel.shape)
        return dx, gradients

    return y.reshape(m, rows, columns, filters), backward


def max_pool(x: Array, size: int) -> Forward:
    """The first of several equal maxima of a window, row by row, gets the gradient."""
    windows = _windows(x, size)
    places = windows.argmax(axis=3)[:, :, :, None]

    def backward(dy: Array) -> tuple[Array, dict[str, Array]]:
        d_windows = np.zeros_like(windows)
        np.put_along_axis(d_windows, places, dy[:, :, :, None], axis=3)
        return _from_windows(d_windows, x.shape, size), {}

    return np.take_along_axis(windows, places, axis=3)[:, :, :, 0], backward


def average_pool(x: Array, size: int) -> Forward:
    """The mean of each window."""
    windows = _windows(x, size)

    def backward(dy: Array) -> tuple[Array, dict[str, Array]]:
        share = (dy / size**2)[:, :, :, None]
        d_windows = np.broadcast_to(share, windows.shape)
        return _from_windows(d_windows, x.shape, size), {}

    return windows.mean(axis=3), backward


def flatten(x: Array) -> Forward:
    """(m, h, w, c) -> (m, h * w * c), channels last."""
    return x.reshape(len(x), -1), lambda dy: (dy.reshape(x.shape), {})


def scale(x: Array, factors: Array) -> Forward:
    """x times numbers of the same shape that are no weights: dropout's masks."""
    return x * factors, lambda dy: (dy * factors, {})


def batch_norm(x: Array, gamma: Array, beta: Array, epsilon: float) -> Forward:
    """With mean and biased variance of this batch, over all axes but the last."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = batch_moments(x)
    root = np.sqrt(variance + epsilon)
    normal = (x - mean) / root

    def backward(dy: Array) -> tuple[Array, dict[str, Array]]:
        d_beta, d_gamma = dy.sum(axis=axes), (dy * normal).sum(axis=axes)
        count = x.size // x.shape[-1]
        # mean and variance depend on x too: the two terms behind dy.
        dx = gamma / root * (dy - d_beta / count - normal * d_gamma / count)
        return dx, {"gamma": d_gamma, "beta": d_beta}

    return gamma * normal + beta, backward


def batch_moments(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of the last axis's entries, (channels,) each."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axis=axes)
    return mean, ((x - mean) ** 2).mean(axis=axes)


def activate(x: Array, name: str) -> Forward:
    """`name` is one of `trainers.layers.Activation`; softmax is part of the loss."""
    if name in ("linear", "softmax"):
        return x, lambda dy: (dy, {})
    if name == "relu":
        return np.maximum(x, 0), lambda dy: (dy * (x > 0), {})
    if name == "tanh":
        y = np.tanh(x)
        return y, lambda dy: (dy * (1 - y**2), {})
    y = 1 / (1 + np.exp(-x))
    return y, lambda dy: (dy * y * (1 - y), {})


def activated(forward: Forward, name: str) -> Forward:
    """A layer's output through an activation, both backward."""
    y, layer_backward = forward
    z, activation_backward = activate(y, name)
    return z, lambda dz: layer_backward(activation_backward(dz)[0])


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Mean of -log softmax(logits)[label] over the batch, and its derivatives by logits.

    labels: integers (m,) or one-hot (m, classes).
    """
    if labels.ndim == 1:
        labels = np.eye(logits.shape[1])[labels]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    m = len(logits)
    loss = -float((labels * log_softmax).sum()) / m
    return loss, (np.exp(log_softmax) - labels) / m


def dropout_mask(
    shape: tuple[int, ...], rate: float, seed: int, step: int, layer: int
) -> Array:
    """0 or 1 / (1 - rate), written down again from docs/batches.md, "Dropout".

    Number n of the mask, counted through all axes, is 0 where the upper 24 bits of word
    n of the key (seed, step, 17, layer) are below rate * 2^24.
    """
    key = fold(seed, step, _DROPOUT, layer)
    counters = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    words = _mix(np.uint64(key) + counters * np.uint64(0x9E3779B97F4A7C15))
    drawn = (words >> np.uint64(40)).reshape(shape)
    return np.where(drawn < round(rate * 2**24), 0, 1 / (1 - rate))


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _windows(x: Array, size: int) -> Array:
    """(m, h, w, c) -> (m, h // size, w // size, size * size, c); what is over is left."""
    m, height, width, channels = x.shape
    rows, columns = height // size, width // size
    x = x[:, : rows * size, : columns * size]
    x = x.reshape(m, rows, size, columns, size, channels).swapaxes(2, 3)
    return x.reshape(m, rows, columns, size * size, channels)


def _from_windows(windows: Array, shape: tuple[int, ...], size: int) -> Array:
    """The opposite of `_windows`; zeros for what was left over."""
    m, rows, columns, _, channels = windows.shape
    inner = windows.reshape(m, rows, columns, size, size, channels).swapaxes(2, 3)
    out = np.zeros(shape, windows.dtype)
    out[:, : rows * size, : columns * size] = inner.reshape(
        m, rows * size, columns * size, channels
    )
    return out
