"""Fits a line with a parameter server of TensorFlow. The first worker says what is computed, and computes as well."""

import os

import tensorflow as tf

STEPS = 60
RATE = 0.3
cluster = {"ps": os.environ["PS_HOSTS"].split(","), "worker": os.environ["WORKER_HOSTS"].split(",")}
role = "ps" if os.environ["TYPE"] == "ps" else "worker"
threads = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=len(cluster["worker"]) + 1)
index = int(os.environ["INDEX"])
server = tf.distribute.Server(cluster, job_name=role, task_index=index, config=threads)
if os.environ["TYPE"] != "master":
    # Ended when the first worker has; by itself, it would serve for ever.
    server.join()

resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(tf.train.ClusterSpec(cluster), rpc_layer="grpc")
strategy = tf.distribute.ParameterServerStrategy(resolver)
coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
with strategy.scope():
    weights = tf.Variable(tf.zeros(2))


@tf.function
def step():
    x = tf.random.uniform((256,))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((weights[0] * x + weights[1] - (3 * x + 1)) ** 2)
    weights.assign_sub(RATE * tape.gradient(loss, weights))
    return loss


for number in range(STEPS):
    loss = coordinator.schedule(step)
    if number % 20 == 19:
        coordinator.join()
        print("step", number + 1, "loss", float(loss.fetch()))

print("weights on", weights.device, "are", [round(float(w), 3) for w in weights.numpy()])
