import type { ExperimentDocument } from './experiment-document.ts'

/** Experiments to begin with: each is small, and tells what its scheme expects. */
export const samples: readonly { label: string; about: string; document: ExperimentDocument }[] = [
  {
    label: 'One job that tracks itself',
    about: 'A script that logs a curve with the MLflow client.',
    document: {
      kind: 'single',
      command: `pip install -q mlflow-skinny && python -c '
import math, mlflow
mlflow.log_params({"lr": 0.1, "model": "demo"})
for step in range(100):
    mlflow.log_metric("loss", math.exp(-step / 20), step=step)
'`,
    },
  },
  {
    label: 'PyTorch, two workers',
    about: 'torchrun meets at the first worker.',
    document: {
      kind: 'multi-node',
      scheme: 'pytorch',
      roles: [{ name: 'worker', count: 2, command: 'python train.py --backend gloo' }],
    },
  },
  {
    label: 'TensorFlow, parameter server',
    about: 'Two workers and one parameter server, which ends with them.',
    document: {
      kind: 'multi-node',
      scheme: 'tensorflow',
      roles: [
        { name: 'worker', count: 2, command: 'python mnist.py' },
        { name: 'ps', count: 1, command: 'python mnist.py' },
      ],
    },
  },
  {
    label: 'MPI',
    about: 'The master starts mpirun; workers wait for it.',
    document: {
      kind: 'multi-node',
      scheme: 'mpi',
      roles: [
        { name: 'master', count: 1, command: 'mpirun --hostfile /generated/hostfile python train.py' },
        { name: 'worker', count: 2 },
      ],
    },
  },
  {
    label: 'JAX',
    about: 'Two processes that find each other through jax.distributed.',
    document: {
      kind: 'multi-node',
      scheme: 'jax',
      roles: [{ name: 'worker', count: 2, command: 'python train.py' }],
    },
  },
]
