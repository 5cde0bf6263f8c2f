"""Recipes to dicts, TOML and back; whatever is no recipe is a `RecipeError`."""

import json
import re
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idxdata.augmentation import Augmentation
from trainers.errors import RecipeError
from trainers.layers import Activate, BatchNorm, Conv, Dense, Dropout, Flatten, MaxPool
from trainers.optimizers import SGD, Adam, AdamW, RMSprop
from trainers.recipe_files import (
    LAYER_KINDS,
    OPTIMIZER_KINDS,
    get_recipe,
    read_recipe,
    recipe_from_dict,
    recipe_to_dict,
    recipe_to_toml,
)
from trainers.recipes import RECIPES, Recipe

ACTIVATIONS = st.sampled_from(["linear", "relu", "tanh", "sigmoid"])
# As many distinct values as there are; those near 1 would round to it.
SHARES = st.floats(0, 0.99)
RATES = st.floats(0, 10)

AUGMENTATIONS = st.builds(
    Augmentation,
    shift=RATES,
    rotate=st.just(0) | st.floats(0, 180),
    scale=st.floats(0, 0.9),
    elastic=st.none() | st.tuples(RATES, st.floats(0.5, 9)),
    erase=st.none() | st.tuples(SHARES, st.floats(0.01, 1)),
)

NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=12
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any layers that fit each other, any optimiser, any loss."""
    side = draw(st.integers(1, 20))
    padding = draw(st.sampled_from(["valid", "same"]))
    size = 2 * draw(st.integers(0, (side - 1) // 2)) + 1
    before = st.one_of(
        st.builds(BatchNorm, SHARES, st.floats(1e-9, 1)),
        st.builds(Dropout, SHARES, st.sampled_from(["shared", "native"])),
        st.builds(Activate, ACTIVATIONS),
    )
    loss, output = draw(
        st.sampled_from(
            [
                ("crossentropy_from_logits", "linear"),
                ("categorical_crossentropy", "softmax"),
                ("sparse_categorical_crossentropy", "softmax"),
            ]
        )
    )
    layers = [
        Conv(draw(st.integers(1, 9)), size, draw(ACTIVATIONS), padding),
        *draw(st.lists(before, max_size=3)),
        *draw(st.sampled_from([[], [MaxPool(1)]])),
        Flatten(),
        Dense(draw(st.integers(1, 9)), draw(ACTIVATIONS)),
        Dense(draw(st.integers(1, 9)), output),
    ]
    last = st.none() | RATES
    optimizer = draw(
        st.one_of(
            st.builds(SGD, RATES, SHARES, st.booleans(), last, SHARES),
            st.builds(RMSprop, RATES, SHARES, RATES, last, SHARES),
            st.builds(Adam, RATES, last, SHARES, SHARES, RATES, SHARES),
            st.builds(AdamW, RATES, last, RATES, SHARES, SHARES, RATES, SHARES),
        )
    )
    batch_size, epochs = draw(st.integers(1, 999)), draw(st.integers(1, 999))
    shape = (side, draw(st.integers(side, 20)))
    return Recipe(
        draw(NAMES),
        shape,
        tuple(layers),
        optimizer,
        batch_size,
        epochs,
        loss,
        draw(st.none() | AUGMENTATIONS),
    )


@given(recipes())
def test_there_and_back(recipe: Recipe) -> None:
    table = recipe_to_dict(recipe)
    assert recipe_from_dict(table) == recipe
    assert recipe_from_dict(json.loads(json.dumps(table))) == recipe
    assert recipe_from_dict(tomllib.loads(recipe_to_toml(recipe))) == recipe


@given(recipes())
def test_a_dict_has_all_fields(recipe: Recipe) -> None:
    table = recipe_to_dict(recipe)
    names = {field.name for field in fields(Recipe)}
    if recipe.augmentation is None:
        names.remove("augmentation")
    assert set(table) == names
    for layer, entry in zip(recipe.layers, table["layers"], strict=True):
        assert set(entry) == {"kind", *(field.name for field in fields(layer))}


def test_all_kinds_are_there() -> None:
    from trainers.layers import Layer
    from trainers.optimizers import Optimizer

    assert set(LAYER_KINDS.values()) == set(Layer.__args__)
    assert set(OPTIMIZER_KINDS.values()) == set(Optimizer.__args__)


def test_the_text_of_a_recipe() -> None:
    assert recipe_to_toml(RECIPES["cnn-5x5"]).splitlines() == [
        'name = "cnn-5x5"',
        "image_shape = [28, 28]",
        "batch_size = 128",
        "epochs = 3",
        'loss = "crossentropy_from_logits"',
        'optimizer = { kind = "adam", learning_rate = 0.002, final_learning_rate = 0.0 }',
        "layers = [",
        '    { kind = "conv", filters = 16, kernel_size = 5, activation = "relu" },',
        '    { kind = "max_pool", size = 2 },',
        '    { kind = "conv", filters = 32, kernel_size = 5, activation = "relu" },',
        '    { kind = "max_pool", size = 2 },',
        '    { kind = "flatten" },',
        '    { kind = "dense", units = 500, activation = "relu" },',
        '    { kind = "dense", units = 10 },',
        "]",
    ]


SMALL = """\
batch_size = 32
epochs = 2
optimizer = { kind = "sgd", learning_rate = 0.1 }
layers = [{ kind = "flatten" }, { kind = "dense", units = 10 }]
"""


def test_defaults(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    assert read_recipe(path) == Recipe(
        "small", (28, 28), (Flatten(), Dense(10)), SGD(0.1), 32, 2
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"flatten"', '"flaten"', ["layers[0]", "'flaten'", "did you mean 'flatten'?"]),
        ('"sgd"', '"adamx"', ["optimizer", "did you mean 'adam'"]),
        ("units", "unit", ["layers[1] (dense)", "did you mean 'units'?"]),
        ("epochs", "epoch", ["no such key", "did you mean 'epochs'?"]),
        ("batch_size = 32", "", ["`batch_size` is missing"]),
        (
            ", learning_rate = 0.1",
            "",
            ["optimizer (sgd)", "`learning_rate` is missing"],
        ),
        (', { kind = "dense", units = 10 }', "", ["does not end with a Dense"]),
        ("units = 10", 'units = "ten"', ["layers[1] (dense)", "an integer", "'ten'"]),
        ("units = 10", "units = 0", ["layers[1] (dense)", "at least 1"]),
        ("units = 10", "units = true", ["layers[1] (dense)", "wrong type"]),
        ("units = 10", "units = 0xFFFFFFFFFFFF", ["layers[1] (dense)", "too large"]),
        ("0.1", "-0.1", ["optimizer (sgd)", "-0.1"]),
        ("0.1", "nan", ["optimizer (sgd)", "nan"]),
        ("0.1", "1e300", ["optimizer (sgd)", "1e+300"]),
        ("0.1", "true", ["optimizer (sgd)", "wrong type"]),
        ("0.1 }", "0.1, nesterov = 1 }", ["optimizer (sgd)", "true or false"]),
        ("0.1 }", "0.1, momentum = 0.99999999999 }", ["optimizer (sgd)", "below 1"]),
        ("epochs = 2", "epochs = 2.0", ["epochs", "an integer", "2.0"]),
        ("epochs = 2", "epochs 2", ["not TOML", "line 2"]),
        ("epochs = 2", "epochs = 2\nepochs = 3", ["not TOML"]),
        ("epochs = 2", "epochs = 2\nimage_shape = [28]", ["[height, width]", "[28]"]),
        ("epochs = 2", "epochs = 2\nimage_shape = [0, 28]", ["image height", "0"]),
        ("epochs = 2", "epochs = 2\nloss = 'mse'", ["loss", "'mse'"]),
        ("epochs = 2", "epochs = 2\nname = 3", ["name", "a text"]),
        ('{ kind = "flatten" }, ', "", ["cannot follow"]),
        ('{ kind = "flatten" }', "7", ["layers[0]", "a table", "7"]),
        ("[{", "{", ["not TOML"]),
    ],
)
def test_bad_files(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in SMALL
    path = tmp_path / "bad.toml"
    text = SMALL.replace(old, new, 1)
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert caught.value.path == str(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    for word in words:
        assert word in message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.data())
def test_anything_else_is_a_recipe_error(data: st.DataObject) -> None:
    """One value anywhere in a sound table becomes another: a recipe, or the error."""
    table: Any = recipe_to_dict(RECIPES["cnn-5x5"])
    place, key = table, data.draw(st.sampled_from(list(table)))
    while (
        isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())
    ):
        place = place[key]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
    place[key] = data.draw(JSON)
    try:
        recipe = recipe_from_dict(table)
    except RecipeError:
        return
    assert recipe_from_dict(recipe_to_dict(recipe)) == recipe


@given(JSON)
def test_any_json_is_a_recipe_error(value: Any) -> None:
    with pytest.raises(RecipeError):
        recipe_from_dict(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_recipe_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError):
        read_recipe(path)


def test_deeply_nested_toml(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(RecipeError, match="not TOML"):
        read_recipe(path)


PYTHON = """\
from trainers.layers import Dense, Flatten
from trainers.optimizers import SGD
from trainers.recipes import Recipe
recipe = Recipe("own", (28, 28), (Flatten(), Dense(10)), SGD(0.1), 32, 2)
"""


def test_python_files(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(PYTHON)
    assert get_recipe(str(path)).name == "own"


def test_python_files_are_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They import what lies beside them, and print, but not on standard output."""
    (tmp_path / "beside_own.py").write_text(
        "UNITS = 10\ndef fail():\n    return 1 / 0\n"
    )
    path = tmp_path / "own.py"
    text = "print('hello')\nimport beside_own\n" + PYTHON
    path.write_text(text.replace("10", "beside_own.UNITS"))
    before = list(sys.path)
    assert read_recipe(path).num_classes == 10
    assert capsys.readouterr() == ("", "hello\n")
    path.write_text(text + "\n\nbeside_own.fail()\n")
    with pytest.raises(RecipeError, match=r"beside_own.py, line 3: .*ZeroDivision"):
        read_recipe(path)
    assert sys.path == before


def test_marks_and_capitals(tmp_path: Path) -> None:
    path = tmp_path / "SMALL.TOML"
    path.write_text(SMALL, "utf-8-sig")
    assert get_recipe(str(path)).name == "SMALL"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", ["a variable `recipe`", "found none"]),
        ("recipe = 1", ["found a int"]),
        ("\nrecipe = 1 / 0", ["line 2: ", "ZeroDivisionError"]),
        ("import sys\nsys.exit(3)", ["line 2: ", "SystemExit"]),
        ("recipe = (", ["SyntaxError"]),
        (PYTHON.replace("Dense(10)", "Dense(0)"), ["line 4: units of Dense"]),
    ],
)
def test_bad_python_files(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert caught.value.path == str(path)
    for word in words:
        assert word in str(caught.value)


def test_names_and_paths(tmp_path: Path) -> None:
    assert get_recipe("mlp-512") is RECIPES["mlp-512"]
    with pytest.raises(RecipeError, match="did you mean 'mlp-512'"):
        get_recipe("mlp512")
    with pytest.raises(FileNotFoundError):
        get_recipe(str(tmp_path / "none.toml"))
    with pytest.raises(FileNotFoundError):
        get_recipe(str(tmp_path / "none.py"))
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(RecipeError, match=r"\.toml or \.py"):
        read_recipe(tmp_path / "recipe.json")


def test_examples_of_the_documentation(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text("utf-8")
    found = re.findall(r"```(?:toml|python)\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in found] == ["tiny.toml", "tiny.py"]
    for name, content in found:
        (tmp_path / name).write_text(content)
        assert read_recipe(tmp_path / name).name == "tiny"
    # Its tables name every kind and every field.
    for kinds in (LAYER_KINDS, OPTIMIZER_KINDS):
        for kind, made in kinds.items():
            assert f"`{kind}`" in text
            for field in fields(made):
                assert f"`{field.name}" in text


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("3", "augmentation is wrong: expected a table, found 3"),
        ("{ shfit = 2 }", "augmentation: no such key: .*did you mean 'shift'"),
        ("{ shift = -2 }", "augmentation: shift is 0 to 10000"),
        ('{ shift = "a" }', "augmentation: shift"),
        ("{ elastic = 3 }", r"augmentation: elastic is \\(alpha, sigma\\)"),
    ],
)
def test_what_is_no_augmentation(tmp_path: Path, table: str, text: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f"augmentation = {table}\n{SMALL}")
    with pytest.raises(RecipeError, match=text.replace("\\\\", "\\")):
        read_recipe(path)


def test_an_augmentation_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "right.toml"
    path.write_text(f"augmentation = {{ shift = 2, elastic = [30, 5] }}\n{SMALL}")
    assert read_recipe(path).augmentation == Augmentation(shift=2, elastic=(30, 5))
