import type { Migration } from 'kysely/migration'
import * as start from './0001-start.ts'
import * as sessions from './0002-sessions.ts'
import * as trees from './0003-trees.ts'
import * as retention from './0005-retention.ts'
import * as jobCounts from './0006-job-counts.ts'
import * as datasets from './0007-datasets.ts'
import * as registries from './0009-registries.ts'
import * as models from './0011-models.ts'
import * as experiments from './0012-experiments.ts'
import * as runs from './0013-runs.ts'
import * as sweeps from './0014-sweeps.ts'
import * as notebooks from './0015-notebooks.ts'
import * as deployments from './0016-deployments.ts'
import * as gradient from './0017-gradient.ts'
import * as tensorboards from './0018-tensorboards.ts'
import * as workflows from './0020-workflows.ts'
import * as gradientStores from './0022-gradient-stores.ts'
import * as sweepCosts from './0023-sweep-costs.ts'
import * as trackedNames from './0023-tracked-names.ts'
import * as arrivedPacks from './0026-arrived-packs.ts'

/** Every migration, by the name it is remembered by; they run in the order of their names. */
export const migrations: Record<string, Migration> = {
  '0001-start': start,
  '0002-sessions': sessions,
  '0003-trees': trees,
  '0005-retention': retention,
  '0006-job-counts': jobCounts,
  '0007-datasets': datasets,
  '0009-registries': registries,
  '0011-models': models,
  '0012-experiments': experiments,
  '0013-runs': runs,
  '0014-sweeps': sweeps,
  '0015-notebooks': notebooks,
  '0016-deployments': deployments,
  '0017-gradient': gradient,
  '0018-tensorboards': tensorboards,
  '0020-workflows': workflows,
  '0022-gradient-stores': gradientStores,
  '0023-sweep-costs': sweepCosts,
  '0023-tracked-names': trackedNames,
  '0026-arrived-packs': arrivedPacks,
}
