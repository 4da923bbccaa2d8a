"""What the program of a job does that knows nothing of the server: autologging, files, further runs, a push."""

import os
import sys
import urllib.error
import urllib.request

os.environ["KERAS_BACKEND"] = "jax"

import keras
import mlflow
import numpy
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

mlflow.sklearn.autolog(log_datasets=False)
for step in range(5):
    mlflow.log_metric("loss", 1 / (step + 1), step=step)
features, labels = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=400).fit(features, labels)
mlflow.log_text("hello", "notes/hello.txt")
for step in (1, 2):
    mlflow.log_image(numpy.zeros((8, 8, 3), dtype=numpy.uint8), key="samples/big", step=step, synchronous=True)
mlflow.log_table({"label": [0, 1], "word": ["no", "yes"]}, artifact_file="predictions.json")
with mlflow.start_run(run_name="fold 1", nested=True):
    mlflow.log_metric("score", 0.5)
mlflow.keras.autolog(log_models=False, log_datasets=False)
with mlflow.start_run(run_name="keras", nested=True):
    layers = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    layers.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    layers.fit(features.astype("float32"), labels.astype("float32"), epochs=3, verbose=0)
mlflow.end_run()

registry = CollectorRegistry()
Gauge("pushed", "A value.", ["step"], registry=registry).labels(step="7").set(42)
push_to_gateway(os.environ["PAPERSPACE_METRIC_PUSHGATEWAY"], job=os.environ["PAPERSPACE_METRIC_WORKLOAD_ID"], registry=registry)

# The key of a job is for tracking alone.
request = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + "/api/v1/jobs")
request.add_header("Authorization", "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"])
try:
    urllib.request.urlopen(request)
    sys.exit("the key of the job reads jobs")
except urllib.error.HTTPError as error:
    print("jobs answer", error.code)
mlflow.start_run(run_name="left open")
mlflow.log_metric("loss", 4)
os._exit(0)
