"""The same ONNX model behind servers of others, for serve.ts: PEER says which, MODEL is the file, PORT the port.

LitServe is started by this file itself; BentoML and MLServer import it; MLflow is given a model that it saves.
"""

import os

import numpy as np
import onnxruntime

PEER = os.environ["PEER"]
MODEL = os.environ["MODEL"]
PORT = int(os.environ["PORT"])
MAX_BATCH = 32


def open_session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


if PEER == "litserve":
    import litserve

    class Predictor(litserve.LitAPI):
        def setup(self, device):
            self.session = open_session()
            self.input = self.session.get_inputs()[0].name

        def decode_request(self, request):
            return np.asarray(request["instances"][0], np.float32)

        def batch(self, inputs):
            return np.stack(inputs)

        def predict(self, batch):
            return self.session.run(None, {self.input: batch})[0]

        def unbatch(self, output):
            return list(output)

        def encode_response(self, output):
            return {"predictions": [output.tolist()]}

    if __name__ == "__main__":
        api = Predictor(max_batch_size=MAX_BATCH, batch_timeout=0.001)
        litserve.LitServer(api, accelerator="cpu").run(port=PORT, host="127.0.0.1", generate_client_file=False, log_level="error")

elif PEER == "bentoml":
    import bentoml

    @bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1000})
    class Predictor:
        def __init__(self):
            self.session = open_session()
            self.input = self.session.get_inputs()[0].name

        @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=10000)
        def predict(self, instances: np.ndarray) -> np.ndarray:
            return self.session.run(None, {self.input: np.asarray(instances, np.float32)})[0]

elif PEER == "mlserver":
    from mlserver import MLModel
    from mlserver.codecs import NumpyCodec
    from mlserver.types import InferenceResponse

    class Predictor(MLModel):
        async def load(self):
            self.session = open_session()
            self.input = self.session.get_inputs()[0].name
            return True

        async def predict(self, payload):
            values = NumpyCodec.decode_input(payload.inputs[0])
            output = self.session.run(None, {self.input: values})[0]
            return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", output)])

elif PEER == "mlflow" and __name__ == "__main__":
    import mlflow.onnx
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    # Without it, numbers of JSON come to the model as doubles, which it does not take.
    (given,) = open_session().get_inputs()
    spec = TensorSpec(np.dtype(np.float32), (-1, *given.shape[1:]), given.name)
    mlflow.onnx.save_model(onnx.load(MODEL), os.environ["FOLDER"], signature=ModelSignature(Schema([spec])))
