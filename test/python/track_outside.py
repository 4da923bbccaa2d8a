"""What a program on a laptop does with MLflow's client; says on its last line what came of it, as JSON."""

import json
import os
import tempfile
import threading

import mlflow
from mlflow.exceptions import MlflowException

client = mlflow.MlflowClient()
found = {}
mlflow.set_experiment("team/one: first")
with mlflow.start_run(run_name="parent") as parent:
    mlflow.log_param("lr", 0.1)
    for step, value in enumerate([1.0, float("nan"), float("inf"), 0.5]):
        mlflow.log_metric("loss", value, step=step)
    mlflow.log_metrics({"a b/c": 1, "acc": 0.9}, step=3)
    mlflow.set_tag("kind", "CNN")
    with mlflow.start_run(run_name="child", nested=True) as child:
        mlflow.log_metric("loss", 0.1)
    mlflow.log_dict({"x": 1}, "deep/er/conf.json")
    mlflow.log_text("hello", "hello.txt")
run_id, child_id = parent.info.run_id, child.info.run_id
experiment = client.get_experiment_by_name("team/one: first")

found["status"] = client.get_run(run_id).info.status
found["history"] = [str(metric.value) for metric in client.get_metric_history(run_id, "loss")]
found["files"] = sorted(file.path for file in client.list_artifacts(run_id))
found["file"] = json.load(open(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="deep/er/conf.json")))


def search(text, **more):
    runs = client.search_runs([experiment.experiment_id], text, **more)
    return [run.info.run_name for run in runs]


found["searches"] = [
    search("metrics.loss < 0.3"),
    search(f"tags.mlflow.parentRunId = '{run_id}'"),
    search("metrics.`a b/c` = 1 and params.lr = '0.1' and attributes.status = 'FINISHED'"),
    search("tags.kind LIKE 'C%'"),
    search("tags.kind LIKE 'c%'"),
    search("tags.kind ILIKE 'c%'"),
    search("attributes.run_name IN ('child', 'nobody')"),
    search("", order_by=["metrics.loss ASC"]),
    search("", order_by=["metrics.loss DESC"]),
]
pages, token = [], None
while True:
    page = client.search_runs([experiment.experiment_id], max_results=1, page_token=token)
    pages += [run.info.run_name for run in page]
    token = page.token
    if not token:
        break
found["pages"] = pages


def refusal(call):
    try:
        call()
    except MlflowException as error:
        return error.error_code
    return None


found["refusals"] = [
    refusal(lambda: client.log_param(run_id, "lr", 0.2)),
    refusal(lambda: search("metrics.loss << 3")),
    refusal(lambda: client.get_run("nowhere")),
    refusal(lambda: client.create_experiment("team/one: first")),
]
client.delete_run(child_id)
found["afterDelete"] = search("")
client.restore_run(child_id)
found["afterRestore"] = len(search(""))

threads = [
    threading.Thread(target=lambda k=k: [client.log_metric(run_id, "many", i, step=k * 10 + i) for i in range(10)])
    for k in range(8)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found["many"] = sorted(metric.step for metric in client.get_metric_history(run_id, "many")) == list(range(80))

large = os.path.join(tempfile.mkdtemp(), "large.bin")
with open(large, "wb") as file:
    file.write(os.urandom(20_000_000))
client.log_artifact(run_id, large)
with open(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="large.bin"), "rb") as file:
    found["large"] = file.read() == open(large, "rb").read()
os.remove(large)
print(json.dumps(found))
