"""Trains a small neural network to read handwritten digits, and shows where a job puts what.

The data (1,797 images of 8 x 8 pixels) comes with scikit-learn, so nothing is downloaded but the packages.
Everything in /artifacts is kept with the job; everything in /storage is seen by every later job.
"""

import argparse
import json
import os
import pathlib
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main():
    options = parse_options()
    artifacts = pathlib.Path(options.artifacts)
    storage = pathlib.Path(options.storage)
    images, labels = load_digits(return_X_y=True)
    images = images / 16.0
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, random_state=options.seed, stratify=labels
    )
    print(f"training on {len(train_x)} images, testing on {len(test_x)}", flush=True)

    model = MLPClassifier((options.hidden,), learning_rate_init=options.rate, random_state=options.seed)
    history = []
    for epoch in range(1, options.epochs + 1):
        began = time.monotonic()
        train_one_epoch(model, train_x, train_y, options, epoch)
        accuracy = model.score(test_x, test_y)
        seconds = time.monotonic() - began
        history.append({"epoch": epoch, "loss": float(model.loss_), "accuracy": float(accuracy)})
        print(f"epoch {epoch:2d}  loss {model.loss_:.4f}  accuracy {accuracy:.3f}  {seconds:.2f} s", flush=True)

    save(model, history, confusion_matrix(test_y, model.predict(test_x)), artifacts)
    remember(history[-1], storage / "digits" / "last.json")
    print(f"wrote the model and its metrics to {artifacts}", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=64, help="neurons of the hidden layer")
    parser.add_argument("--rate", type=float, default=0.005, help="learning rate")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--artifacts", default="/artifacts")
    parser.add_argument("--storage", default="/storage")
    return parser.parse_args()


def train_one_epoch(model, images, labels, options, epoch):
    order = np.random.default_rng(options.seed + epoch).permutation(len(images))
    for start in range(0, len(order), options.batch):
        batch = order[start : start + options.batch]
        model.partial_fit(images[batch], labels[batch], classes=np.arange(10))


def save(model, history, confusion, artifacts):
    """Weights as plain arrays: a file that can be read without running anything."""
    (artifacts / "metrics").mkdir(parents=True, exist_ok=True)
    layers = {f"weights_{index}": layer for index, layer in enumerate(model.coefs_)}
    layers |= {f"bias_{index}": layer for index, layer in enumerate(model.intercepts_)}
    np.savez(artifacts / "model.npz", **layers)
    (artifacts / "metrics" / "history.json").write_text(json.dumps(history, indent=2) + "\n")
    np.savetxt(artifacts / "metrics" / "confusion.csv", confusion, fmt="%d", delimiter=",")


def remember(result, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {"job": os.environ.get("NABLA_JOB_NAME", "local"), **result}
    path.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
