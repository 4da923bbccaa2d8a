"""Small trainings that searches are compared by: real data sets of scikit-learn, one epoch at a time.

Run as a program it takes lines of JSON: {"task", "values"} begins a training, {"step": n} trains one epoch more and
{"end": n} forgets it. It answers each with a line: the number of the training, or its loss on data it has not seen.
"""

import json
import sys
import warnings

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVR

warnings.filterwarnings("ignore")

#: Parameters of each task: low end, high end and scale, or choices.
spaces = {
    "network": {
        "rate": (1e-5, 1.0, "log"),
        "decay": (1e-7, 10.0, "log"),
        "units": (4, 64, "int"),
        "batch": (16, 256, "int"),
        "activation": ["relu", "tanh", "logistic"],
    },
    "linear": {
        "rate": (1e-5, 10.0, "log"),
        "alpha": (1e-7, 1.0, "log"),
        "power": (0.0, 1.0, "plain"),
    },
    "kernel": {
        "c": (1e-2, 1e4, "log"),
        "gamma": (1e-4, 1e2, "log"),
        "epsilon": (1e-2, 1e2, "log"),
    },
}
#: Epochs of a whole training.
epochs = {"network": 9, "linear": 9, "kernel": 1}

digits = load_digits()
seen, unseen, names, wanted = train_test_split(digits.data / 16, digits.target, test_size=0.5, random_state=0)
sugar = load_diabetes()
known, held, levels, goals = train_test_split(sugar.data * 20, sugar.target, test_size=0.5, random_state=0)
classes = np.arange(10)
worst = 100.0


def log_loss(likely):
    return float(-np.mean(np.log(np.clip(likely[np.arange(len(wanted)), wanted], 1e-15, 1))))


def network(v):
    model = MLPClassifier(
        hidden_layer_sizes=(int(v["units"]),),
        activation=v["activation"],
        learning_rate_init=v["rate"],
        alpha=v["decay"],
        batch_size=int(v["batch"]),
        random_state=0,
    )
    while True:
        model.partial_fit(seen, names, classes=classes)
        yield log_loss(model.predict_proba(unseen))


def linear(v):
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="invscaling",
        eta0=v["rate"],
        alpha=v["alpha"],
        power_t=v["power"],
        random_state=0,
    )
    while True:
        model.partial_fit(seen, names, classes=classes)
        yield log_loss(model.predict_proba(unseen))


def kernel(v):
    model = SVR(C=v["c"], gamma=v["gamma"], epsilon=v["epsilon"], max_iter=20000).fit(known, levels)
    while True:
        yield float(np.sqrt(np.mean((model.predict(held) - goals) ** 2)))


tasks = {"network": network, "linear": linear, "kernel": kernel}


def train(task, values):
    """Losses, epoch after epoch; one that is no number, or beyond all sense, is the worst."""
    run = tasks[task](values)
    while True:
        try:
            loss = float(next(run))
        except (ValueError, StopIteration):
            loss = worst
        yield min(loss, worst) if task != "kernel" else loss


def draw(task, random):
    """Values by chance."""
    values = {}
    for name, axis in spaces[task].items():
        if isinstance(axis, list):
            values[name] = axis[random.integers(len(axis))]
            continue
        low, high, scale = axis
        if scale == "plain":
            values[name] = float(random.uniform(low, high))
        else:
            value = float(np.exp(random.uniform(np.log(low), np.log(high))))
            values[name] = round(value) if scale == "int" else value
    return values


def serve():
    runs = {}
    for number, line in enumerate(sys.stdin):
        asked = json.loads(line)
        if "task" in asked:
            runs[number] = train(asked["task"], asked["values"])
            answer = number
        elif "step" in asked:
            answer = next(runs[asked["step"]])
        else:
            del runs[asked["end"]]
            answer = None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
