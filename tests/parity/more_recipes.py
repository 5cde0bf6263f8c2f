"""Recipes with every layer and optimiser that those of `trainers.recipes` leave out."""

from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.optimizers import SGD, AdamW, Optimizer, RMSprop
from trainers.recipes import RECIPES, Recipe

# In float32 the gradient of the kernel ahead of batch normalisation is the least exact of
# all: 1.5e-5 of its own norm in torch-eager and TensorFlow's loops at a batch of 32.
_CONV_LAYERS = (
    Conv(4, 3, padding="same"),
    MaxPool(3),
    BatchNorm(momentum=0.9),
    Activate("relu"),
    Dropout(0.3),
    Conv(6, 3, "tanh"),
    AveragePool(2),
    Flatten(),
    Dense(20, "sigmoid"),
    Dense(10),
)


def _mlp(name: str, optimizer: Optimizer) -> Recipe:
    layers = (Flatten(), Dense(30, "tanh"), BatchNorm(), Dense(10))
    return Recipe(name, (28, 28), layers, optimizer, batch_size=32, epochs=1)


MORE_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="conv-all-layers",
            image_shape=(28, 28),
            layers=_CONV_LAYERS,
            optimizer=AdamW(learning_rate=2e-3),
            batch_size=32,
            epochs=1,
        ),
        _mlp("mlp-nesterov", SGD(0.02, momentum=0.9, nesterov=True)),
        _mlp("mlp-momentum", SGD(0.02, momentum=0.9, final_learning_rate=0.01)),
        _mlp("mlp-rmsprop", RMSprop(1e-3, rho=0.99, epsilon=1e-6)),
    )
}

ALL_RECIPES: dict[str, Recipe] = RECIPES | MORE_RECIPES
