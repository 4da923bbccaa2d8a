"""Fits a line on several nodes with JAX. Each node has data of its own; gradients are averaged over all of them."""

import os

import jax

# The address of the first node is read from JAX_COORDINATOR_ADDRESS.
jax.distributed.initialize(
    num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
    process_id=int(os.environ["JAX_PROCESS_ID"]),
)

import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

STEPS = 60
RATE = 0.3
rank = jax.process_index()
folder = "/storage/two-nodes/" + os.environ["NABLA_EXPERIMENT_ID"]
checkpoint = folder + "/weights.npy"


def loss(weights, x, y):
    return jnp.mean((weights[0] * x + weights[1] - y) ** 2)


x = jax.random.uniform(jax.random.key(rank), (256,))
y = 3 * x + 1
gradient = jax.jit(jax.grad(loss))

weights = jnp.array(np.load(checkpoint)) if os.path.exists(checkpoint) else jnp.zeros(2)
if rank == 0:
    print("attempt", os.environ["NABLA_ATTEMPT"], "begins at", weights)

for step in range(STEPS):
    # One row for each node.
    rows = multihost_utils.process_allgather(gradient(weights, x, y))
    weights = weights - RATE * jnp.mean(jnp.asarray(rows), axis=0)
    if rank == 0 and step % 20 == 19:
        os.makedirs(folder, exist_ok=True)
        np.save(checkpoint + ".new.npy", np.asarray(weights))
        os.replace(checkpoint + ".new.npy", checkpoint)
        print("step", step + 1, "loss", float(loss(weights, x, y)))

print("node", rank, "of", jax.process_count(), "has", [round(float(w), 3) for w in weights])
