"""A stand-in for training: its loss is least at rate 0.01 with 3 layers. It logs over MLflow's REST API, so that it needs
no package; with `pip install mlflow` it is `mlflow.log_metric("loss", loss, step=epoch)`."""

import argparse
import json
import math
import os
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True)
parser.add_argument("--layers", type=int, required=True)
parser.add_argument("--optimizer", choices=["sgd", "adam"], required=True)
parser.add_argument("--epochs", type=int, default=5)
options = parser.parse_args()


def log_metric(name, value, step):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": name, "value": value, "step": step, "timestamp": 0}
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
    )
    urllib.request.urlopen(request).close()


best = abs(math.log10(options.rate) + 2) + abs(options.layers - 3) / 4 + (0.2 if options.optimizer == "sgd" else 0)
for epoch in range(options.epochs):
    loss = best + 2 / (epoch + 1)
    log_metric("loss", loss, epoch)
    print(f"epoch {epoch}: loss {loss:.4f}")
