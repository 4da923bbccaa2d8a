"""
Models of each format behind one form: what they take, what they give, and a function from arrays to arrays. Loading most of
them may run code that they bring: this is done in the sandbox of the task, for models that somebody has trusted.
"""

import glob
import os
import warnings

import numpy as np

TYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")


class Model:
    """
    inputs, outputs: lists of {name, type, shape}; a dimension is None where any length will do, a shape None where it
    is not known. predict: from a dictionary of arrays to a list of them, in the order of the outputs, or a dictionary.
    """

    def __init__(self, runtime, inputs, outputs, predict, classes=None):
        self.runtime = runtime
        self.inputs = inputs
        self.outputs = outputs
        self.predict = predict
        self.classes = classes

    def describe(self):
        specs = [*self.inputs, *self.outputs]
        batches = all(spec["shape"] is not None and spec["shape"][:1] == [None] for spec in specs)
        return {
            "op": "loaded",
            "inputs": self.inputs,
            "outputs": self.outputs,
            "batches": bool(specs) and batches,
            "runtime": self.runtime,
            "classes": self.classes,
        }

    def run(self, arrays):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = self.predict(arrays)
        if isinstance(results, dict):
            return list(results), list(results.values())
        names = [spec["name"] for spec in self.outputs]
        if len(names) != len(results):
            names = output_names(len(results))
        return names, results


def load(kind, path, signature, threads):
    """Loads a model and tries it once where its inputs are known, to learn what it gives."""
    from loaders import LOADERS

    if kind not in LOADERS:
        raise ValueError(f"the format {kind} cannot be served: expected one of {', '.join(sorted(LOADERS))}")
    model = LOADERS[kind](path, threads)
    if signature is not None:
        model.inputs = signature["inputs"]
        model.outputs = signature["outputs"]
    if not model.outputs:
        model.outputs = tried_outputs(model)
    return model


def tried_outputs(model):
    """The outputs for two rows of zeros: a dimension that is two is that of the rows."""
    if any(spec["shape"] is None for spec in model.inputs):
        return []
    results = []
    for rows in (2, 3):
        names, arrays = model.run({spec["name"]: made_up(spec, rows) for spec in model.inputs})
        results.append([np.asarray(array) for array in arrays])
    found = []
    for name, two, three in zip(names, *results):
        free = two.shape[:1] == (2,) and three.shape[:1] == (3,)
        shape = [None, *two.shape[1:]] if free else list(two.shape)
        found.append({"name": name, "type": type_of(two), "shape": shape})
    return found


def made_up(spec, rows):
    shape = [rows if axis == 0 and length is None else length or 1 for axis, length in enumerate(spec["shape"])]
    if spec["type"] == "string":
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=spec["type"])


def type_of(array):
    """Our name for the type of an array."""
    name = array.dtype.name
    if name in TYPES:
        return name
    return "string" if array.dtype.kind in "OUS" else "float64"


def spec(name, kind, shape):
    return {"name": name, "type": kind, "shape": shape}


def output_names(count):
    return ["output"] if count == 1 else [f"output_{index}" for index in range(count)]


def file_of(path, *patterns):
    """The model itself: the path, or the one file in it that looks like it."""
    if os.path.isfile(path):
        return path
    found = []
    for pattern in patterns:
        found = found or glob.glob(os.path.join(glob.escape(path), "**", pattern), recursive=True)
    if len(found) == 1:
        return found[0]
    raise FileNotFoundError(f"expected one file of {', '.join(patterns)}; there are {len(found)} in the folder")
