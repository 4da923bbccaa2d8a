import type { ExperimentKind } from '@nabla/api/experiment-states'
import type { ExperimentDocument } from './experiment-document.ts'

export interface Sample {
  /** Names it in an address. */
  key: string
  kind: ExperimentKind
  label: string
  about: string
  document: ExperimentDocument
}

/** Experiments to begin with: each is small, and tells what its kind or its scheme expects. */
export const samples: readonly Sample[] = [
  {
    key: 'tracked',
    kind: 'single',
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
    key: 'pytorch',
    kind: 'multi-node',
    label: 'PyTorch, two workers',
    about: 'torchrun meets at the first worker.',
    document: {
      kind: 'multi-node',
      scheme: 'pytorch',
      roles: [{ name: 'worker', count: 2, command: 'python train.py --backend gloo' }],
    },
  },
  {
    key: 'tensorflow',
    kind: 'multi-node',
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
    key: 'mpi',
    kind: 'multi-node',
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
    key: 'jax',
    kind: 'multi-node',
    label: 'JAX',
    about: 'Two processes that find each other through jax.distributed.',
    document: {
      kind: 'multi-node',
      scheme: 'jax',
      roles: [{ name: 'worker', count: 2, command: 'python train.py' }],
    },
  },
  {
    key: 'search',
    kind: 'sweep',
    label: 'The least of a curve',
    about: 'Twenty trials that log one value each, with the MLflow client.',
    document: {
      kind: 'sweep',
      command: `pip install -q mlflow-skinny && python -c '
import os, mlflow
x = float(os.environ["NABLA_PARAM_X"])
mlflow.log_metric("loss", (x - 2) ** 2)
'`,
      search: {
        objectives: [{ metric: 'loss', direction: 'minimize' }],
        trials: 20,
        parallel: 2,
        space: { x: { type: 'uniform', low: -10, high: 10 } },
      },
    },
  },
  {
    key: 'early-stopping',
    kind: 'sweep',
    label: 'A network, bad trials stopped early',
    about: 'Rate, layers and optimizer by TPE; ASHA ends what lags behind.',
    document: {
      kind: 'sweep',
      command: 'python train.py {{args}}',
      search: {
        objectives: [{ metric: 'val/loss', direction: 'minimize' }],
        trials: 60,
        parallel: 4,
        stopRule: { type: 'asha' },
        space: {
          rate: { type: 'uniform', low: 0.0001, high: 1, log: true },
          layers: { type: 'int', low: 1, high: 8 },
          optimizer: { type: 'choice', values: ['sgd', 'adam'] },
        },
      },
    },
  },
  {
    key: 'grid',
    kind: 'sweep',
    label: 'A grid',
    about: 'Every combination once.',
    document: {
      kind: 'sweep',
      command: 'python train.py {{args}}',
      search: {
        objectives: [{ metric: 'accuracy', direction: 'maximize' }],
        searcher: 'grid',
        trials: 9,
        space: {
          batch: { type: 'choice', values: [32, 64, 128] },
          rate: { type: 'choice', values: [0.1, 0.01, 0.001] },
        },
      },
    },
  },
]
