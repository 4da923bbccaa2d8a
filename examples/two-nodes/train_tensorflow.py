"""Fits a line on several nodes with TensorFlow: the cluster is read from TF_CONFIG. Each worker has data of its own."""

import json
import os

import tensorflow as tf

STEPS = 60
RATE = 0.3
cluster = json.loads(os.environ["TF_CONFIG"])["cluster"]
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
workers = len(cluster["worker"])

strategy = tf.distribute.MultiWorkerMirroredStrategy()
tf.random.set_seed(index)
x = tf.random.uniform((256,))
y = 3 * x + 1

with strategy.scope():
    weights = tf.Variable(tf.zeros(2))


@tf.function
def step():
    def one():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((weights[0] * x + weights[1] - y) ** 2)
        # Averaged over all workers, which meet here.
        gradient = tf.distribute.get_replica_context().all_reduce("mean", tape.gradient(loss, weights))
        weights.assign_sub(RATE * gradient)
        return loss

    return strategy.run(one)


for number in range(STEPS):
    loss = step()
    if index == 0 and number % 20 == 19:
        print("step", number + 1, "loss", float(loss))

print("node", index, "of", workers, "has", [round(float(w), 3) for w in weights.numpy()])
