"""How each format is loaded."""

import os

import numpy as np

from models import Model, file_of, made_up, output_names, spec, type_of


def load_sklearn(path, threads):
    """Of joblib, pickle or skops: an estimator of scikit-learn, or something else with `predict`."""
    file = file_of(path, "model.skops", "model.pkl", "*.skops", "*.joblib", "*.pkl", "*.pickle")
    estimator = open_estimator(file)
    if not hasattr(estimator, "predict") and not hasattr(estimator, "transform"):
        raise TypeError(f"{type(estimator).__name__} has neither predict nor transform")
    return from_estimator(estimator)


def open_estimator(file):
    if file.endswith(".skops"):
        import skops.io

        # Whoever started this has decided to trust the model: all types that it names are taken.
        return skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    try:
        import joblib
    except ModuleNotFoundError:
        import pickle

        with open(file, "rb") as stream:
            return pickle.load(stream)
    return joblib.load(file)


def from_estimator(estimator):
    classes = getattr(estimator, "classes_", None)
    scored = hasattr(estimator, "predict_proba") and isinstance(classes, np.ndarray)

    def predict(arrays):
        (rows,) = arrays.values()
        if not hasattr(estimator, "predict"):
            return {"output": dense(estimator.transform(rows))}
        found = dense(estimator.predict(rows))
        return {"label": found, "probabilities": estimator.predict_proba(rows)} if scored else {"output": found}

    columns = getattr(estimator, "n_features_in_", None)
    model = Model(f"{type(estimator).__module__.split('.')[0]} {type(estimator).__name__}", [], [], predict)
    model.classes = [str(one) for one in classes] if scored else None
    if columns is not None:
        model.inputs = [spec("input", "float64", [None, int(columns)])]
    else:
        model.inputs = [first_that_works(model, [spec("input", "string", [None]), spec("input", "float64", [None, None])])]
    return model


def first_that_works(model, candidates):
    """Text goes into pipelines that begin with a vectorizer: these do not say how many columns they take."""
    for candidate in candidates[:-1]:
        try:
            model.run({candidate["name"]: made_up(candidate, 2)})
        except Exception:
            continue
        return candidate
    return candidates[-1]


def dense(result):
    return result.toarray() if hasattr(result, "toarray") else np.asarray(result)


def load_xgboost(path, threads):
    import xgboost

    booster = xgboost.Booster({"nthread": threads})
    booster.load_model(file_of(path, "model.xgb", "*.ubj", "*.json", "*.xgb"))

    def predict(arrays):
        (rows,) = arrays.values()
        # Names of features are not sent: the columns are in the order of training.
        return {"output": booster.inplace_predict(rows, validate_features=False)}

    inputs = [spec("input", "float32", [None, booster.num_features()])]
    return Model(f"xgboost {xgboost.__version__}", inputs, [], predict)


def load_mlflow(path, threads):
    """An `MLmodel` of any flavour that has a Python function."""
    import mlflow.pyfunc
    import pandas

    root = os.path.dirname(file_of(path, "MLmodel"))
    function = mlflow.pyfunc.load_model(root)
    schema = function.metadata.get_input_schema()
    table = schema is not None and not schema.is_tensor_spec()

    def predict(arrays):
        if table:
            given = pandas.DataFrame({name: values.ravel() for name, values in arrays.items()})
        elif schema is not None and schema.has_input_names():
            given = arrays
        else:
            (given,) = arrays.values()
        return as_arrays(function.predict(given))

    return Model("mlflow", inputs_of_schema(schema), [], predict)


# Of mlflow.types.DataType.
COLUMN_TYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
}


def inputs_of_schema(schema):
    if schema is None:
        return [spec("input", "float64", None)]
    if not schema.is_tensor_spec():
        unknown = [one.name for one in schema.inputs if getattr(one.type, "name", "") not in COLUMN_TYPES]
        if unknown:
            raise TypeError(f"columns of these types are not served: {', '.join(map(str, unknown))}")
        return [spec(one.name or f"column_{at}", COLUMN_TYPES[one.type.name], [None]) for at, one in enumerate(schema.inputs)]
    found = []
    for one in schema.inputs:
        shape = [None if length == -1 else int(length) for length in one.shape]
        found.append(spec(one.name or "input", type_of(np.empty(0, one.type)), shape))
    return found


def as_arrays(result):
    if isinstance(result, dict):
        return {str(name): np.asarray(value) for name, value in result.items()}
    if hasattr(result, "columns"):
        return {str(name): result[name].to_numpy() for name in result.columns}
    if isinstance(result, (tuple, list)) and any(isinstance(one, np.ndarray) for one in result):
        return dict(zip(output_names(len(result)), result))
    return {"output": np.asarray(result)}


def load_torchscript(path, threads):
    import torch

    torch.set_num_threads(threads)
    module = torch.jit.load(file_of(path, "model.pt", "*.pt", "*.pth"), map_location="cpu").eval()
    arguments = [one.name for one in module.forward.schema.arguments[1:]]
    return from_torch(torch, module, arguments)


def load_torch(path, threads):
    import torch

    torch.set_num_threads(threads)
    module = torch.load(file_of(path, "model.pth", "model.pt", "*.pt", "*.pth"), map_location="cpu", weights_only=False)
    if not isinstance(module, torch.nn.Module):
        raise TypeError("the file holds weights and no program: export the model to ONNX, or save it as TorchScript")
    return from_torch(torch, module.eval(), ["input"])


def from_torch(torch, module, arguments):
    def predict(arrays):
        with torch.inference_mode():
            result = module(*(torch.from_numpy(np.array(array)) for array in arrays.values()))
        if isinstance(result, dict):
            return {name: value.numpy() for name, value in result.items()}
        many = result if isinstance(result, (tuple, list)) else [result]
        return [value.numpy() for value in many]

    inputs = [spec(name, "float32", None) for name in arguments]
    return Model(f"torch {torch.__version__}", inputs, [], predict)


def load_tensorflow(path, threads):
    import tensorflow

    root = path if os.path.exists(os.path.join(path, "saved_model.pb")) else os.path.dirname(file_of(path, "saved_model.pb"))
    loaded = tensorflow.saved_model.load(root)
    names = list(loaded.signatures)
    if not names:
        raise TypeError("the SavedModel has no signature: save it with one")
    function = loaded.signatures["serving_default" if "serving_default" in names else names[0]]

    def predict(arrays):
        given = {name: tensorflow.constant(array) for name, array in arrays.items()}
        return {name: value.numpy() for name, value in function(**given).items()}

    inputs = [tensor_spec(name, one) for name, one in function.structured_input_signature[1].items()]
    outputs = [tensor_spec(name, one) for name, one in function.structured_outputs.items()]
    model = Model(f"tensorflow {tensorflow.__version__}", inputs, outputs, predict)
    # The function has to stay with the object that holds its variables.
    model.held = loaded
    return model


def tensor_spec(name, one):
    shape = None if one.shape.rank is None else [None if length is None else int(length) for length in one.shape]
    return spec(name, "string" if one.dtype.name == "string" else one.dtype.name, shape)


def load_keras(path, threads):
    import keras

    network = keras.saving.load_model(file_of(path, "*.keras", "*.h5", "*.hdf5"), compile=False)
    inputs = [spec(one.name, str(one.dtype), [None, *one.shape[1:]]) for one in network.inputs]

    def predict(arrays):
        given = list(arrays.values())
        result = network(given[0] if len(given) == 1 else given, training=False)
        many = result if isinstance(result, (tuple, list)) else [result]
        return [keras.ops.convert_to_numpy(value) for value in many]

    return Model(f"keras {keras.__version__}", inputs, [], predict)


LOADERS = {
    "sklearn": load_sklearn,
    "pickle": load_sklearn,
    "xgboost": load_xgboost,
    "mlflow": load_mlflow,
    "pytorch": load_torch,
    "torchscript": load_torchscript,
    "tensorflow": load_tensorflow,
    "keras": load_keras,
    "keras-h5": load_keras,
}
