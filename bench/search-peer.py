"""What Optuna finds on the functions of search.ts, and how fast it asks and tells on SQLite. Prints JSON.

    python search-peer.py <seeds> <trials> <database file> <trials to ask and tell>
"""

import json
import math
import statistics
import sys
import time

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def sphere(x):
    return sum((v - 1) ** 2 for v in x)


def rosenbrock(x):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def ackley(x):
    mean = math.sqrt(sum(v * v for v in x) / len(x))
    waves = sum(math.cos(2 * math.pi * v) for v in x) / len(x)
    return -20 * math.exp(-0.2 * mean) - math.exp(waves) + 20 + math.e


def rastrigin(x):
    return 10 * len(x) + sum(v * v - 10 * math.cos(2 * math.pi * v) for v in x)


def branin(u):
    x, y = -5 + 15 * u[0], 15 * u[1]
    bowl = (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


functions = {
    "sphere": (sphere, 5, -5, 5),
    "rosenbrock": (rosenbrock, 4, -2, 2),
    "ackley": (ackley, 5, -15, 30),
    "rastrigin": (rastrigin, 4, -5.12, 5.12),
    "branin": (branin, 2, 0, 1),
}
samplers = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "cma-es": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


def regret(function, axes, low, high, sampler, trials):
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: function([trial.suggest_float(f"x{i}", low, high) for i in range(axes)]), n_trials=trials
    )
    return study.best_value


def durable(path, trials):
    study = optuna.create_study(storage=f"sqlite:///{path}", sampler=optuna.samplers.TPESampler(seed=0))
    began = time.perf_counter()
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, sphere([trial.suggest_float(f"x{i}", -5, 5) for i in range(5)]))
    return trials / (time.perf_counter() - began)


seeds, trials, database, asked = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
medians = {
    name: {
        sampler: statistics.median(regret(*function, make(seed), trials) for seed in range(seeds))
        for sampler, make in samplers.items()
    }
    for name, function in functions.items()
}
print(json.dumps({"version": optuna.__version__, "medians": medians, "perSecond": durable(database, asked)}))
