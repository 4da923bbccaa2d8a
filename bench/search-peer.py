"""What Optuna and Ray Tune find where search.ts searches. Prints JSON.

    python search-peer.py <seeds> <trials> <trials of trainings> <epochs in all> <epochs of one>

Every search is told as the least value after each trial, or each epoch.
"""

import json
import math
import os
import sys

os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"

import numpy as np
import optuna
import ray
from ray.tune.schedulers import ASHAScheduler
from ray.tune.schedulers.trial_scheduler import TrialScheduler

from search_tasks import draw, epochs, spaces, train

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


def lowest(values):
    return [float(value) for value in np.minimum.accumulate(values)]


def search(objective, sampler, trials):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return lowest([trial.value for trial in study.trials])


def of_function(function, axes, low, high):
    return lambda trial: function([trial.suggest_float(f"x{i}", low, high) for i in range(axes)])


def suggested(trial, task):
    values = {}
    for name, axis in spaces[task].items():
        if isinstance(axis, list):
            values[name] = trial.suggest_categorical(name, axis)
        elif axis[2] == "int":
            values[name] = trial.suggest_int(name, axis[0], axis[1], log=True)
        else:
            values[name] = trial.suggest_float(name, axis[0], axis[1], log=axis[2] == "log")
    return values


def of_training(task):
    def objective(trial):
        run = train(task, suggested(trial, task))
        return min(next(run) for _ in range(epochs[task]))

    return objective


def early_stopping(task, configs, last, budget, rule):
    """One training after the other, each until its last epoch or until the rule stops it; the losses as they come."""
    losses = []
    for number, values in enumerate(configs):
        run = train(task, values)
        step = 0
        while step < last and len(losses) < budget:
            losses.append(next(run))
            step += 1
            if rule(number, step, losses[-1]) and step < last:
                break
        if len(losses) >= budget:
            return lowest(losses)
    raise RuntimeError("too few values to try")


def optuna_rule():
    study = optuna.create_study(pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3))
    trials = []

    def stops(number, step, loss):
        if number == len(trials):
            trials.append(study.ask())
        trials[number].report(loss, step)
        return trials[number].should_prune()

    return stops


class RayTrial:
    def __init__(self, number):
        self.trial_id = str(number)


def ray_rule(last):
    scheduler = ASHAScheduler(
        time_attr="training_iteration", metric="loss", mode="min", max_t=last + 1, grace_period=1, reduction_factor=3
    )
    running = {}

    def stops(number, step, loss):
        if number not in running:
            running[number] = RayTrial(number)
            scheduler.on_trial_add(None, running[number])
        result = {"training_iteration": step, "loss": loss}
        return scheduler.on_trial_result(None, running[number], result) == TrialScheduler.STOP

    return stops


seeds, trials, trained, budget, last = (int(text) for text in sys.argv[1:])


def of_samplers(objective, count):
    return {name: [search(objective, make(seed), count) for seed in range(seeds)] for name, make in samplers.items()}


def of_rules(task):
    configs = [[draw(task, np.random.default_rng([seed, at])) for at in range(budget)] for seed in range(seeds)]
    rules = {"optuna": optuna_rule, "ray": lambda: ray_rule(last)}
    found = {
        name: [early_stopping(task, one, last, budget, make()) for one in configs] for name, make in rules.items()
    }
    return {"configs": configs, **found}


print(
    json.dumps(
        {
            "optuna": optuna.__version__,
            "ray": ray.__version__,
            "functions": {name: of_samplers(of_function(*own), trials) for name, own in functions.items()},
            "trainings": {task: of_samplers(of_training(task), trained) for task in ("network", "kernel")},
            "stopping": {task: of_rules(task) for task in ("network", "linear")},
            "spaces": spaces,
            "epochs": epochs,
        }
    )
)
