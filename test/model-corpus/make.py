"""Makes small model files with the real frameworks, and beside each what the framework itself says of it.

    python3 -m venv /tmp/fw && /tmp/fw/bin/pip install -r requirements.txt
    /tmp/fw/bin/python make.py onnx safetensors gguf xgboost sklearn tensorflow keras
    python3 make.py torch          # with Debian's python3-torch

Each folder `NAME/` has the model's files in `NAME/model/`, and `NAME/expected.json`: inputs, outputs, tensors with
shapes and types, and the number of parameters, as the framework gives them once it has loaded the model.
"""

import json
import os
import pathlib
import shutil
import sys

here = pathlib.Path(__file__).parent
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")


def begin(name):
    folder = here / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    return folder / "model"


def finish(model, **expected):
    (model.parent / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


def tensors_of(arrays):
    return [
        {"name": name, "type": str(array.dtype), "shape": list(array.shape)} for name, array in sorted(arrays.items())
    ]


def weights(seed, **shapes):
    import numpy

    source = numpy.random.default_rng(seed)
    return {name: source.standard_normal(shape).astype("float32") for name, shape in shapes.items()}


def make_onnx():
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnx.external_data_helper import convert_model_to_external_data

    def build():
        held = weights(1, **{"fc1.weight": (64, 32), "fc1.bias": (32,), "fc2.weight": (32, 10), "fc2.bias": (10,)})
        nodes = [
            helper.make_node("Gemm", ["image", "fc1.weight", "fc1.bias"], ["h"], name="fc1"),
            helper.make_node("Relu", ["h"], ["h2"], name="relu"),
            helper.make_node("Gemm", ["h2", "fc2.weight", "fc2.bias"], ["logits"], name="fc2", transB=0),
            helper.make_node("ArgMax", ["logits"], ["label"], name="best", axis=1, keepdims=0),
        ]
        graph = helper.make_graph(
            nodes,
            "digits",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 64])],
            [
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10]),
                helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
            ],
            [numpy_helper.from_array(array, name) for name, array in held.items()],
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, producer_name="nabla-corpus", producer_version="1.0", opset_imports=opsets)
        model.ir_version = 9
        model.doc_string = "Digits, seen by two layers"
        helper.set_model_props(model, {"author": "somebody", "task": "classification"})
        return model

    def describe(path):
        model = onnx.load(path)
        dims = lambda value: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        kind = lambda value: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        show = lambda values: [{"name": v.name, "type": kind(v), "shape": dims(v)} for v in values]
        held = {i.name: numpy_helper.to_array(i, base_dir=str(path.parent)) for i in model.graph.initializer}
        return dict(
            format="onnx",
            producer=f"{model.producer_name} {model.producer_version}",
            opsets=[{"domain": o.domain or "ai.onnx", "version": o.version} for o in model.opset_import],
            inputs=show(model.graph.input),
            outputs=show(model.graph.output),
            layers=tensors_of(held),
            parameters=int(sum(array.size for array in held.values())),
            nodes=[[n.name, n.op_type] for n in model.graph.node],
        )

    folder = begin("onnx")
    onnx.save(build(), folder / "digits.onnx")
    onnx.checker.check_model(str(folder / "digits.onnx"))
    finish(folder, **describe(folder / "digits.onnx"))

    folder = begin("onnx-external")
    model = build()
    convert_model_to_external_data(model, all_tensors_to_one_file=True, location="weights.bin", size_threshold=0)
    onnx.save(model, folder / "digits.onnx")
    finish(folder, **describe(folder / "digits.onnx"))


def make_safetensors():
    import numpy
    from safetensors import safe_open
    from safetensors.numpy import save_file

    folder = begin("safetensors")
    held = weights(2, **{"encoder.0.weight": (16, 8), "encoder.0.bias": (16,), "head.weight": (4, 16)})
    held["steps"] = numpy.array([7], dtype="int64")
    held["half"] = numpy.zeros((3, 3), dtype="float16")
    save_file(held, folder / "model.safetensors", metadata={"format": "np", "author": "somebody"})
    with safe_open(folder / "model.safetensors", "numpy") as file:
        loaded = {name: file.get_tensor(name) for name in file.keys()}
        details = file.metadata()
    count = int(sum(array.size for array in loaded.values()))
    finish(folder, format="safetensors", layers=tensors_of(loaded), parameters=count, details=details)


def make_gguf():
    import numpy
    from gguf import GGUFReader, GGUFWriter

    folder = begin("gguf")
    path = str(folder / "tiny.gguf")
    writer = GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_token_list(["<s>", "</s>", "a", "b"])
    writer.add_float32("llama.rope.freq_base", 10000.0)
    for name, array in weights(3, **{"token_embd.weight": (4, 32), "blk.0.attn_q.weight": (32, 32)}).items():
        writer.add_tensor(name, array)
    writer.add_tensor("output_norm.weight", numpy.ones(32, dtype="float16"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = GGUFReader(path)
    # GGUF writes the fastest dimension first.
    layers = [
        {"name": t.name, "type": t.tensor_type.name.lower(), "shape": [int(n) for n in t.shape]} for t in reader.tensors
    ]
    count = int(sum(int(t.n_elements) for t in reader.tensors))
    finish(folder, format="gguf", layers=sorted(layers, key=lambda t: t["name"]), parameters=count)


def make_xgboost():
    import numpy
    import xgboost

    source = numpy.random.default_rng(4)
    rows = source.standard_normal((60, 4))
    data = xgboost.DMatrix(rows, label=(rows[:, 0] > 0).astype(int), feature_names=["a", "b", "c", "d"])
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, num_boost_round=3)
    for kind in ("json", "ubj"):
        folder = begin(f"xgboost-{kind}")
        booster.save_model(folder / f"model.{kind}")
        loaded = xgboost.Booster(model_file=folder / f"model.{kind}")
        finish(
            folder,
            format="xgboost",
            trees=len(loaded.get_dump()),
            features=loaded.feature_names,
            objective=json.loads(loaded.save_config())["learner"]["objective"]["name"],
            version=xgboost.__version__,
        )


def make_sklearn():
    import joblib
    import numpy
    import pickle
    import skl2onnx
    import onnx
    from sklearn.linear_model import LogisticRegression

    source = numpy.random.default_rng(5)
    rows = source.standard_normal((40, 4))
    model = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(int))
    folder = begin("sklearn-pickle")
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    finish(folder, format="sklearn", type=f"{type(model).__module__}.{type(model).__name__}")
    folder = begin("sklearn-joblib")
    joblib.dump(model, folder / "model.joblib")
    finish(folder, format="sklearn", type=f"{type(model).__module__}.{type(model).__name__}")
    folder = begin("sklearn-onnx")
    converted = skl2onnx.to_onnx(model, rows[:1].astype("float32"))
    onnx.save(converted, folder / "model.onnx")
    graph = converted.graph
    finish(
        folder,
        format="onnx",
        producer=f"{converted.producer_name} {converted.producer_version}",
        inputs=[v.name for v in graph.input],
        outputs=[v.name for v in graph.output],
        nodes=[[n.name, n.op_type] for n in graph.node],
    )


def make_tensorflow():
    import tensorflow

    class Scaler(tensorflow.Module):
        def __init__(self):
            super().__init__()
            held = weights(6, kernel=(8, 3), bias=(3,))
            self.kernel = tensorflow.Variable(held["kernel"], name="kernel")
            self.bias = tensorflow.Variable(held["bias"], name="bias")

        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 8], tensorflow.float32, name="rows")])
        def predict(self, rows):
            return {"scores": tensorflow.matmul(rows, self.kernel) + self.bias}

    folder = begin("tensorflow")
    module = Scaler()
    tensorflow.saved_model.save(module, str(folder), signatures={"serving_default": module.predict})
    loaded = tensorflow.saved_model.load(str(folder))
    signature = loaded.signatures["serving_default"]
    show = lambda specs: [
        {"name": name, "type": spec.dtype.name, "shape": spec.shape.as_list()} for name, spec in sorted(specs.items())
    ]
    variables = tensorflow.train.load_checkpoint(str(folder / "variables" / "variables"))
    held = {n: variables.get_tensor(n) for n in variables.get_variable_to_shape_map() if "OBJECT_GRAPH" not in n}
    held = {name: array for name, array in held.items() if hasattr(array, "shape")}
    layers = [{"name": n, "type": str(a.dtype), "shape": list(a.shape)} for n, a in sorted(held.items())]
    finish(
        folder,
        format="tensorflow",
        producer=f"TensorFlow {tensorflow.__version__}",
        inputs=show(signature.structured_input_signature[1]),
        outputs=show(signature.structured_outputs),
        layers=layers,
        parameters=int(sum(a.size for a in held.values())),
    )


def make_keras():
    import keras

    model = keras.Sequential(
        [
            keras.layers.Input((28,), name="pixels"),
            keras.layers.Dense(12, activation="relu", name="hidden"),
            keras.layers.Dense(3, activation="softmax", name="digit"),
        ]
    )
    inputs = keras.Input((6,), name="left")
    other = keras.Input((6,), name="right")
    joined = keras.layers.Concatenate(name="joined")([inputs, other])
    branches = keras.Model([inputs, other], keras.layers.Dense(2, name="out")(joined), name="branches")

    picture = keras.Input((8, 8, 3), name="picture")
    words = keras.Input((None,), name="words", dtype="int32")
    seen = keras.layers.Conv2D(4, 3, name="conv")(picture)
    read = keras.layers.Embedding(20, 5, name="embedding")(words)
    ends = [
        keras.layers.GlobalAveragePooling2D(name="pooled")(seen),
        keras.layers.Flatten(name="flat")(seen),
        seen,
        keras.layers.LSTM(6, name="lstm")(read),
        keras.layers.Softmax(name="softmax")(keras.layers.GRU(7, return_sequences=True, name="gru")(read)),
    ]
    several = keras.Model([picture, words], ends, name="several")

    def describe(made):
        return dict(
            producer=f"Keras {keras.__version__}",
            layers=[{"name": layer.name, "type": type(layer).__name__} for layer in made.layers],
            parameters=int(made.count_params()),
            inputs=[{"name": t.name, "type": t.dtype, "shape": list(t.shape)} for t in made.inputs],
            outputs=[
                {"name": name, "type": t.dtype, "shape": None if name == "conv" else list(t.shape)}
                for name, t in zip(getattr(made, "output_names", [made.layers[-1].name]), made.outputs)
            ],
        )

    for name, made in (("keras", model), ("keras-branches", branches), ("keras-outputs", several)):
        folder = begin(name)
        made.save(folder / "model.keras")
        finish(folder, format="keras", **describe(keras.saving.load_model(folder / "model.keras")))
    folder = begin("keras-h5")
    model.save(folder / "model.h5")
    finish(folder, format="keras-h5", **describe(keras.saving.load_model(folder / "model.h5")))


def make_torch():
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    state = net.state_dict()
    state["counter"] = torch.tensor(3, dtype=torch.int64)
    state["half"] = torch.zeros(2, 2, dtype=torch.float16)
    show = lambda held: [
        {"name": name, "type": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        for name, tensor in sorted(held.items())
    ]
    folder = begin("torch-state-dict")
    torch.save(state, folder / "model.pt")
    loaded = torch.load(folder / "model.pt")
    finish(folder, format="pytorch", layers=show(loaded), parameters=sum(t.numel() for t in loaded.values()))
    folder = begin("torch-checkpoint")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    torch.save({"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict()}, folder / "last.pth")
    held = {f"model.{name}": tensor for name, tensor in torch.load(folder / "last.pth")["model"].items()}
    finish(folder, format="pytorch", layers=show(held), parameters=sum(t.numel() for t in held.values()))
    folder = begin("torch-module")
    torch.save(net, folder / "whole.pt")
    finish(folder, format="pytorch", layers=show(net.state_dict()), parameters=sum(t.numel() for t in net.parameters()))
    folder = begin("torchscript")
    torch.jit.script(net).save(str(folder / "scripted.pt"))
    finish(folder, format="torchscript", parameters=sum(t.numel() for t in net.parameters()))


for wanted in sys.argv[1:]:
    globals()[f"make_{wanted}"]()
    print(wanted)
