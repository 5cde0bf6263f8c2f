"""A recipe as a picture in text: how wide a box is tells how many numbers leave it."""

import math
import textwrap
from dataclasses import fields

from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
)
from trainers.optimizers import Optimizer
from trainers.recipes import Recipe

WIDTH = 79
_WIDEST = 42
_NARROWEST = 14
_LABEL = 4
_COLUMNS = (15, 15)
_INDENT = 12

_LOSSES = {
    "categorical_crossentropy": "cross-entropy, one-hot labels",
    "sparse_categorical_crossentropy": "cross-entropy, integer labels",
    "crossentropy_from_logits": "cross-entropy from logits, integer labels",
}


def diagram(recipe: Recipe) -> str:
    """Lines of at most 79 columns: title, layers from images to classes, training.

    To the right of each layer stand the shape of an example behind it and how many
    numbers training adjusts in it.
    """
    shapes = recipe.shapes()
    texts = ["images", *(_short(describe_layer(layer)) for layer in recipe.layers)]
    sizes = [_box_width(shape, shapes, text) for shape, text in zip(shapes, texts)]
    lines = [_title(recipe), "", _beside("", "output", "parameters"), _top(sizes[0])]
    for index, (text, shape) in enumerate(zip(texts, shapes, strict=True)):
        if index:
            lines.append(_edge(sizes[index - 1], sizes[index]))
        label = str(index - 1) if index else ""
        box = f"{label:>{_LABEL - 1}} " + _centred(f"│{text:^{sizes[index] - 2}}│")
        count = _parameters(recipe, index - 1) if index else 0
        lines.append(_beside(box, _shape(shape), f"{count:,}" if count else ""))
    lines.append(_bottom(sizes[-1]))
    lines.append(" " * _LABEL + _centred(f"{recipe.num_classes} classes"))
    return "\n".join(line.rstrip() for line in [*lines, "", *_training(recipe)]) + "\n"


def describe_layer(layer: Layer) -> str:
    """A few words, such as "conv 5 × 5, 16 filters, relu"."""
    match layer:
        case Dense(units, activation):
            words = [f"dense {units}", *_activation(activation)]
        case Conv(filters, size, activation, padding):
            words = [f"conv {size} × {size}, {filters} filters"]
            words += [] if padding == "valid" else [padding]
            words += _activation(activation)
        case MaxPool(size):
            words = [f"max pool {size} × {size}"]
        case AveragePool(size):
            words = [f"average pool {size} × {size}"]
        case Flatten():
            words = ["flatten"]
        case Dropout(rate, masks):
            words = [f"dropout {rate:g}", *([] if masks == "shared" else [masks])]
        case BatchNorm(momentum, epsilon):
            words = [f"batch norm {momentum:g}, {epsilon:g}"]
        case Activate(activation):
            words = [activation]
    return ", ".join(words)


def describe_optimizer(optimizer: Optimizer) -> str:
    """Its name and all its numbers, such as "SGD, learning rate 0.1, momentum 0.9"."""
    words = [type(optimizer).__name__]
    for field in fields(optimizer):
        value = getattr(optimizer, field.name)
        name = field.name.replace("_", " ")
        if field.name == "learning_rate" and optimizer.final_learning_rate is not None:
            words.append(f"{name} {value:g} → {optimizer.final_learning_rate:g}")
        elif isinstance(value, bool):
            words += [name] if value else []
        elif field.name == "warmup":
            words += [f"warm-up of {value:.0%} of the steps"] if value else []
        elif field.name != "final_learning_rate":
            words.append(f"{name} {value:g}")
    return ", ".join(words)


def describe_loss(recipe: Recipe) -> str:
    """Such as "cross-entropy, one-hot labels"."""
    return _LOSSES[recipe.loss]


def _title(recipe: Recipe) -> str:
    total = f"{recipe.num_parameters():,} parameters"
    return f"{recipe.name}  {total:>{max(0, WIDTH - 2 - len(recipe.name))}}"


def _training(recipe: Recipe) -> list[str]:
    rows = {
        "loss": describe_loss(recipe),
        "optimiser": describe_optimizer(recipe.optimizer),
        "batch size": f"{recipe.batch_size:,}",
        "epochs": f"{recipe.epochs:,}",
    }
    if recipe.augmentation is not None:
        changes = recipe.augmentation.describe()
        rows["augmented"] = ", ".join(
            f"{name} {value}" for name, value in changes.items() if value
        )
    return [line for name, text in rows.items() for line in _wrapped(name, text)]


def _wrapped(name: str, text: str) -> list[str]:
    """Broken behind commas only."""
    lines = textwrap.wrap(
        text.replace(" ", "\xa0").replace(",\xa0", ", "),
        WIDTH,
        initial_indent=f"{name:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
    )
    return [line.replace("\xa0", " ") for line in lines]


def _short(text: str) -> str:
    most = _WIDEST - 4
    return text if len(text) <= most else text[: most - 1] + "…"


def _activation(name: str) -> list[str]:
    return [] if name == "linear" else [name]


def _parameters(recipe: Recipe, index: int) -> int:
    shapes = recipe.weight_shapes()
    return sum(
        math.prod(shapes[name])
        for name in recipe.trainable_names()
        if name.startswith(f"{index}.")
    )


def _shape(shape: Shape) -> str:
    return " × ".join(f"{number}" for number in shape)


def _box_width(shape: Shape, shapes: list[Shape], text: str) -> int:
    """Even, so that boxes are centred; by the logarithm of the numbers in `shape`."""
    most = math.log(max(map(math.prod, shapes)))
    least = math.log(min(map(math.prod, shapes)))
    share = (math.log(math.prod(shape)) - least) / (most - least) if most > least else 1
    width = _NARROWEST + share * (_WIDEST - _NARROWEST)
    return max(2 * round(width / 2), 2 * math.ceil((len(text) + 4) / 2))


def _centred(text: str) -> str:
    return f"{text:^{_WIDEST}}"


def _beside(box: str, shape: str, count: str) -> str:
    left = f"{box:<{_LABEL + _WIDEST}}"
    return f"{left} {shape:>{_COLUMNS[0]}} {count:>{_COLUMNS[1]}}"


def _top(width: int) -> str:
    return " " * _LABEL + _centred("╭" + "─" * (width - 2) + "╮")


def _bottom(width: int) -> str:
    middle = (width - 2) // 2
    return " " * _LABEL + _centred(
        "╰" + "─" * middle + "┬" + "─" * (width - 3 - middle) + "╯"
    )


def _edge(above: int, below: int) -> str:
    """The line between two boxes, which both stand on it."""
    if above == below:
        line = "├" + "─" * (above - 2) + "┤"
    else:
        outer, inner = max(above, below), min(above, below)
        side = (outer - inner) // 2 - 1
        left, right, joint = ("╰", "╯", "┬") if above > below else ("╭", "╮", "┴")
        side_line = "─" * side
        middle = "─" * (inner - 2)
        line = left + side_line + joint + middle + joint + side_line + right
    return " " * _LABEL + _centred(line)
