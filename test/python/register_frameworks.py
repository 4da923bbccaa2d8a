"""Registers models of several frameworks with the real client, loads them again, and prints what it saw as JSON."""

import json
import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"

import keras
import mlflow
import numpy
import onnx
import onnxruntime
import xgboost
from mlflow import MlflowClient
from mlflow.models import infer_signature

warnings.filterwarnings("ignore")
client = MlflowClient()
rows = numpy.random.default_rng(1).standard_normal((64, 4)).astype("float32")
labels = (rows[:, 0] > 0).astype(int)
mlflow.set_experiment("frameworks")


def booster():
    data = xgboost.DMatrix(rows, label=labels)
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, num_boost_round=5)
    return model, lambda one: one.predict(data)


def graph():
    weights = onnx.numpy_helper.from_array(rows[:4, :3].copy(), "weights")
    ends = [onnx.helper.make_tensor_value_info(name, 1, ["batch", size]) for name, size in [("rows", 4), ("scores", 3)]]
    nodes = [onnx.helper.make_node("MatMul", ["rows", "weights"], ["raw"]), onnx.helper.make_node("Relu", ["raw"], ["scores"])]
    made = onnx.helper.make_graph(nodes, "scorer", ends[:1], ends[1:], [weights])
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 18)])
    return model, lambda one: onnxruntime.InferenceSession(one.SerializeToString()).run(None, {"rows": rows})[0]


def layers():
    shape = [keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, name="scores")]
    model = keras.Sequential(shape)
    return model, lambda one: numpy.asarray(one(rows))


seen = {}
for flavor, make in [("xgboost", booster), ("onnx", graph), ("keras", layers)]:
    model, predict = make()
    module = getattr(mlflow, flavor)
    expected = predict(model)
    with mlflow.start_run(run_name=flavor) as run:
        mlflow.log_metric("accuracy", 0.9)
        # Its requirements are named: the client loads the model once more to find them, which is nothing to us.
        how = dict(registered_model_name=flavor, signature=infer_signature(rows, expected), pip_requirements=[flavor])
        module.log_model(model, name="model", **how)
    version = client.get_model_version(flavor, "1")
    client.set_registered_model_alias(flavor, "champion", version.version)
    again = predict(module.load_model(f"models:/{flavor}@champion"))
    found = client.search_model_versions(f"name='{flavor}' and run_id='{run.info.run_id}'")
    logged = [one.name for one in mlflow.search_logged_models(filter_string=f"source_run_id='{run.info.run_id}'", output_format="list")]
    seen[flavor] = [version.status, bool(numpy.allclose(again, expected)), [str(one.version) for one in found], logged]
print(json.dumps(seen))
