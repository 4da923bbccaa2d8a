"""Registers models with the real client, finds and loads them, and prints what it saw as one line of JSON."""

import json
import warnings

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
client = MlflowClient()
seen = {}


def refused(call):
    try:
        call()
    except mlflow.exceptions.MlflowException as error:
        return error.error_code


rows = numpy.random.default_rng(1).standard_normal((40, 4))
labels = (rows[:, 0] > 0).astype(int)
model = LogisticRegression().fit(rows, labels)
mlflow.set_experiment("registry")
with mlflow.start_run() as run:
    mlflow.log_metric("accuracy", 0.93)
    signature = infer_signature(rows, model.predict(rows))
    how = dict(registered_model_name="iris", signature=signature, serialization_format="cloudpickle")
    info = mlflow.sklearn.log_model(model, name="model", **how)

first = client.get_model_version("iris", "1")
seen["first"] = [first.status, first.run_id == run.info.run_id]
client.set_registered_model_alias("iris", "champion", "1")
same = lambda loaded: bool((loaded.predict(rows) == model.predict(rows)).all())
seen["loaded"] = [same(mlflow.sklearn.load_model("models:/iris@champion")), same(mlflow.pyfunc.load_model("models:/iris/1"))]
second = mlflow.register_model(info.model_uri, "iris", tags={"origin": "model"})
seen["second"] = [str(second.version), second.status]
seen["of run"] = str(mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris").version)

client.update_registered_model("iris", "Flowers")
client.set_registered_model_tag("iris", "team", "vision")
client.set_model_version_tag("iris", "1", "checked", "yes")
client.update_model_version("iris", "1", "first one")
client.create_registered_model("other", tags={"team": "sound"})
names = lambda text: [found.name for found in client.search_registered_models(text)]
seen["models"] = [names("name LIKE 'ir%'"), names("tags.team = 'vision'"), names(None), names("tags.team != 'vision'")]
numbers = lambda text: [str(found.version) for found in client.search_model_versions(text)]
seen["versions"] = [numbers("name='iris'"), numbers(f"run_id='{run.info.run_id}'"), numbers("tags.origin = 'model'")]
found = client.get_registered_model("iris")
seen["model"] = [found.description, found.tags, dict(found.aliases), [str(version.version) for version in found.latest_versions]]
one = client.get_model_version_by_alias("iris", "champion")
seen["alias"] = [str(one.version), one.description, one.tags, list(one.aliases)]
seen["stage"] = client.transition_model_version_stage("iris", "1", "Production").current_stage

seen["refused"] = [
    refused(lambda: client.delete_model_version("iris", "1")),
    refused(lambda: client.create_registered_model("iris")),
    refused(lambda: client.create_registered_model("a/b")),
    refused(lambda: client.create_model_version("iris", "https://example.com/model")),
    refused(lambda: client.create_model_version("iris", "mlflow-artifacts:/../../etc")),
    refused(lambda: client.search_registered_models("nonsense")),
]
client.delete_model_version_tag("iris", "1", "checked")
client.delete_registered_model_alias("iris", "champion")
client.delete_model_version("iris", "2")
client.rename_registered_model("iris", "flowers")
seen["renamed"] = [client.get_registered_model("flowers").name, refused(lambda: client.get_registered_model("iris"))]
client.delete_registered_model("other")
seen["left"] = names(None)
print(json.dumps(seen))
