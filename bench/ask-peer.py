"""How many trials per second Optuna asks for and tells on SQLite, where ask.ts does. Prints JSON.

    python ask-peer.py <database> <asked> <known> <asked late>
"""

import json
import sys
import time

import numpy as np
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def sphere(x):
    return sum((v - 1) ** 2 for v in x)


def durable(path, trials, known=0):
    study = optuna.create_study(storage=f"sqlite:///{path}", sampler=optuna.samplers.TPESampler(seed=0))
    axes = {f"x{i}": optuna.distributions.FloatDistribution(-5, 5) for i in range(5)}
    chance = np.random.default_rng(0)
    for _ in range(known):
        values = {name: float(chance.uniform(-5, 5)) for name in axes}
        study.add_trial(
            optuna.trial.create_trial(params=values, distributions=axes, value=sphere(values.values()))
        )
    began = time.perf_counter()
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, sphere([trial.suggest_float(f"x{i}", -5, 5) for i in range(5)]))
    return trials / (time.perf_counter() - began)


database = sys.argv[1]
asked, known, asked_late = (int(text) for text in sys.argv[2:])
print(
    json.dumps(
        {
            "optuna": optuna.__version__,
            "early": durable(f"{database}-1", asked),
            "late": durable(f"{database}-2", asked_late, known),
        }
    )
)
