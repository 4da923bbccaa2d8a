"""What the client of Triton and plain HTTP get from a model server, beside what the models say themselves."""

import json
import sys
import urllib.request

import joblib
import numpy as np
import tritonclient.http as triton
import xgboost
from tritonclient.utils import InferenceServerException

address, corpus = sys.argv[1:]
client = triton.InferenceServerClient(address, concurrency=4)


def ask(model, tensors, outputs=None, **options):
    inputs = []
    for name, (values, kind, binary) in tensors.items():
        one = triton.InferInput(name, list(values.shape), kind)
        one.set_data_from_numpy(values, binary_data=binary)
        inputs.append(one)
    return client.infer(model, inputs, outputs=outputs, **options)


def post(path, body):
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request) as response:
        return json.load(response)


found = {"live": client.is_server_live(), "ready": client.is_server_ready(), "model": client.is_model_ready("affine")}
found["metadata"] = client.get_model_metadata("affine")["inputs"]
found["batch"] = client.get_model_config("affine")["max_batch_size"]
found["index"] = sorted(f"{one['name']} {one['state']}" for one in client.get_model_repository_index())

x = np.arange(6, dtype=np.float32).reshape(2, 3)
truth = x @ np.array([[1, 10], [2, 20], [3, 30]], np.float32) + np.array([0.5, 0], np.float32)
for binary in (True, False):
    wanted = [triton.InferRequestedOutput("y", binary_data=binary)]
    result = ask("affine", {"x": (x, "FP32", binary)}, wanted, request_id="seven")
    assert result.get_response()["id"] == "seven", result.get_response()
    np.testing.assert_array_equal(result.as_numpy("y"), truth)
packed = ask("affine", {"x": (x, "FP32", True)}, request_compression_algorithm="gzip", response_compression_algorithm="gzip")
np.testing.assert_array_equal(packed.as_numpy("y"), truth)
best = ask("affine", {"x": (x, "FP32", True)}, [triton.InferRequestedOutput("y", class_count=1)])
found["best"] = [text.decode() for text in best.as_numpy("y").ravel()]

# Every type there and back, in both forms.
samples = {
    "BOOL": np.array([[True, False]]),
    "INT8": np.array([[-128, 127]], np.int8),
    "INT16": np.array([[-32768, 32767]], np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**53) + 1, 2**53 - 1]], np.int64),
    "UINT8": np.array([[0, 255]], np.uint8),
    "UINT16": np.array([[0, 65535]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1]], np.uint32),
    "UINT64": np.array([[0, 2**53 - 1]], np.uint64),
    "FP16": np.array([[0.1, 65504]], np.float16),
    "FP32": np.array([[0.1, 3.4e38]], np.float32),
    "FP64": np.array([[0.1, 1.7e308]], np.float64),
    "BYTES": np.array([["ä", ""]], dtype=object),
}
ours = {"BYTES": "string", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
for binary in (True, False):
    names = {kind: ours.get(kind, kind.lower()) for kind in samples}
    # Its JSON form does not know halves.
    tensors = {f"in_{names[kind]}": (values, kind, binary or kind == "FP16") for kind, values in samples.items()}
    wanted = [triton.InferRequestedOutput(f"out_{name}", binary_data=binary or name == "float16") for name in names.values()]
    result = ask("types", tensors, wanted)
    for kind, values in samples.items():
        got = result.as_numpy(f"out_{names[kind]}")
        if kind == "BYTES":
            got = np.array([[one.decode() if isinstance(one, bytes) else one for one in got.ravel()]], dtype=object)
        np.testing.assert_array_equal(got, values, err_msg=kind)
many = triton.InferInput("x", [2, 3], "FP32").set_data_from_numpy(x)
pending = [client.async_infer("affine", [many]) for _ in range(40)]
for one in pending:
    np.testing.assert_array_equal(one.get_result().as_numpy("y"), truth)

# In Python: by the model server, and by themselves.
rows = np.random.default_rng(7).normal(size=(5, 4))
estimator = joblib.load(f"{corpus}/sklearn-joblib/model/model.joblib")
columns = estimator.n_features_in_
given = np.ascontiguousarray(np.resize(rows, (5, columns)))
result = ask("sklearn", {"input": (given, "FP64", True)})
np.testing.assert_array_equal(result.as_numpy("label").astype(str), estimator.predict(given).astype(str))
np.testing.assert_allclose(result.as_numpy("probabilities"), estimator.predict_proba(given))
by_row = post("/v1/models/sklearn:classify", {"examples": [{f"f{at}": value for at, value in enumerate(given[0])}]})
assert [float(score) for _, score in by_row["results"][0]] == estimator.predict_proba(given[:1])[0].tolist(), by_row

booster = xgboost.Booster(model_file=f"{corpus}/xgboost-ubj/model/model.ubj")
given = rows[:, : booster.num_features()].astype(np.float32)
result = post("/v1/models/xgboost:predict", {"instances": given.tolist()})
np.testing.assert_allclose(result["predictions"], booster.inplace_predict(given, validate_features=False), rtol=1e-6)

refusals = []
for model, tensors in (
    ("affine", {"x": (x[:, :2], "FP32", True)}),
    ("affine", {"z": (x, "FP32", True)}),
    ("affine", {"x": (x.astype(np.float64), "FP64", True)}),
    ("none", {"x": (x, "FP32", True)}),
):
    try:
        ask(model, tensors)
    except InferenceServerException as error:
        refusals.append(error.message())
found["refusals"] = refusals
print(json.dumps(found))
