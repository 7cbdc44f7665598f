"""Train one version of the model, from a fixed seed."""

import argparse
import csv
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from recipes import RECIPES, Split, as_json, evaluate, fit, load_split, unfitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", choices=sorted(RECIPES), default="1")
    parser.add_argument("--out", type=Path, help="write the model here")
    parser.add_argument("--held-out", type=Path, help="write the held-out rows here, as CSV")
    parser.add_argument("--compare", action="store_true", help="cross-validate all versions")
    arguments = parser.parse_args()

    split = load_split()
    recipe = RECIPES[arguments.version]
    model = fit(recipe, split.training_rows, split.training_labels)
    metrics = evaluate(model, split.held_out_rows, split.held_out_labels)
    print(
        f"version {recipe.version}: {recipe.about}; {len(split.training_rows)} rows; "
        f"on {len(split.held_out_rows)} held-out rows: "
        f"accuracy {metrics['accuracy']:.4f}, log loss {metrics['logLoss']:.4f}"
    )
    if arguments.out:
        text = as_json(model, version=recipe.version, features=list(split.features))
        arguments.out.write_text(text + "\n", encoding="utf-8")
    if arguments.held_out:
        write_held_out(split, arguments.held_out)
    if arguments.compare:
        compare()


def write_held_out(split: Split, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*split.features, "label"])
        rows, labels = split.held_out_rows.tolist(), split.held_out_labels.tolist()
        writer.writerows([*row, label] for row, label in zip(rows, labels, strict=True))


def compare() -> None:
    """Cross-validation, 5 folds repeated 10 times, the same folds for every version."""
    data: Any = load_breast_cancer()
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=7)
    for recipe in RECIPES.values():
        scores: Any = cross_validate(
            unfitted(),
            data.data[:, list(recipe.columns)],
            data.target,
            cv=folds,
            scoring=("accuracy", "neg_log_loss"),
        )
        accuracy, loss = scores["test_accuracy"], -scores["test_neg_log_loss"]
        print(
            f"version {recipe.version}, cross-validated: "
            f"accuracy {accuracy.mean():.4f} (sd of folds {accuracy.std():.4f}), "
            f"log loss {loss.mean():.4f} (sd of folds {loss.std():.4f})"
        )


if __name__ == "__main__":
    main()
