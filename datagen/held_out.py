"""What a split out of the meta-distribution may draw: nothing that training draws.

The protocol of the MIST paper (arXiv 2511.18945): the generalisation of a meta-learned estimator is measured on
pairings of base family and monotone map, and on whole families, that did not occur in its training.
"""

from mutualist.datagen.config import DatasetConfig, Part
from mutualist.datagen.transforms import make_transform
from mutualist.errors import ConfigError

TRAINING = "train"
HELD_OUT = "test_ood"


def pairings(config: DatasetConfig, split: str) -> set[tuple[str, str]]:
    """All (family, transform) that a split can draw.

    A family is its name, with its `structure` if it has one ("multivariate-normal dense"); a transform is the name of
    a map of columns ("wigglify"), of another transform ("mixing"), or "none".
    """
    names = config.splits[split].parts
    parts = [part for part in config.parts if part.weight > 0 and (names is None or part.name in names)]
    return {pair for part in parts for pair in _of_part(part)}


def check_held_out(config: DatasetConfig) -> None:
    """Raises ConfigError where the held-out split shares a pairing with the training split."""
    if not {TRAINING, HELD_OUT} <= set(config.splits):
        return
    if shared := sorted(pairings(config, TRAINING) & pairings(config, HELD_OUT)):
        named = ", ".join(f"{family} × {transform}" for family, transform in shared[:5])
        raise ConfigError(
            f"split {HELD_OUT!r} must draw nothing that training draws, but they share {len(shared)} pairings of "
            f"family and transform ({named}{', …' if len(shared) > 5 else ''}): give it parts of its own"
        )


def _of_part(part: Part) -> set[tuple[str, str]]:
    families = []
    for component in part.components:
        if component.weight > 0:
            structure = component.options.get("structure", "")
            steps = part.transforms if component.transforms is None else component.transforms
            transforms = {"none"} if all(step.probability < 1 for step in steps) else set()
            for step in steps:
                if step.probability > 0:
                    transforms |= _names(step.name, step.options)
            families.append((f"{component.family} {structure}".strip(), transforms))
    if part.concatenate == 0:
        return {(family, name) for family, names in families for name in names}
    # Blocks beside the first one take its transforms, so that any family may meet those of any other.
    everything = set().union(*(names for _, names in families))
    return {(family, name) for family, _ in families for name in everything}


def _names(name: str, options: dict[str, object]) -> set[str]:
    maps: dict[str, float] | None = getattr(make_transform(name, options), "maps", None)
    if maps is None:
        return {name}
    names = {key for key, weight in maps.items() if weight > 0}
    # Under `columns` each column gets a map with a probability: one may go without.
    return names | {"none"} if name == "columns" else names
