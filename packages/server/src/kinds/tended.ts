import type { Deps } from '../deps.ts'
import { type IdKind, looksLikeId } from '../lib/ids.ts'
import type { Task } from '../tasks/task.ts'
import { datasetPreparation } from './dataset/preparation.ts'
import { DeploymentKeeper } from './deployment/keeper.ts'
import { modelPreparation } from './model/preparation.ts'
import { NotebookKeeper } from './notebook/keeper.ts'
import { versionPreparation } from './notebook/save-version.ts'
import { Preparer } from './preparer.ts'
import { EventFiles } from './run/event-files.ts'
import { Teller } from './sweep/teller.ts'
import { outputPreparation } from './workflow/preparation.ts'

/** What the loop tells of a pass that it has done. */
export interface Pass {
  /** It looked at everything: a sweep. */
  all: boolean
  /** Ids of what was to be looked at. */
  woken: ReadonlySet<string>
  /** Ids of what was looked at: those, what engines told news of, whose time had come, and what got a place. */
  looked: ReadonlySet<string>
  /** Some resource ended in it. */
  hasEnded: boolean
}

/** Work that goes on beside the control loop, begun after a pass by whoever holds its lease. */
export interface Tended {
  /** Answers with the work that it began, which never fails. */
  tend(pass: Pass, stopped: AbortSignal): Promise<Promise<void>[]>
  /** Completes what is known of a task that has ended, before anybody is told of its end. Never fails. */
  complete?(task: Task): Promise<void>
}

/** All such work: a kind that has some adds a line. */
export function makeTended(deps: Deps): readonly Tended[] {
  const datasets = new Preparer(deps, datasetPreparation(deps))
  const models = new Preparer(deps, modelPreparation(deps))
  const teller = new Teller(deps)
  const notebooks = new NotebookKeeper(deps)
  const notebookVersions = new Preparer(deps, versionPreparation(deps))
  const events = new EventFiles(deps)
  const deployments = new DeploymentKeeper(deps)
  const outputs = new Preparer(deps, outputPreparation(deps))
  return [
    { tend: async (pass, stopped) => (isFor(pass, 'version') ? datasets.tend(stopped) : []) },
    { tend: async (pass) => (isFor(pass, 'experiment') || pass.hasEnded ? [teller.tend()] : []) },
    { tend: async (pass, stopped) => (hasLooked(pass, 'notebook') ? notebooks.tend(stopped) : []) },
    { tend: async (pass, stopped) => (hasLooked(pass, 'notebook') ? notebookVersions.tend(stopped) : []) },
    // A job that ended may have left a model.
    { tend: async (pass, stopped) => (isFor(pass, 'modelVersion') || pass.hasEnded ? models.tend(stopped) : []) },
    // So may one of a workflow, and the run goes on with that.
    { tend: async (pass, stopped) => (concernsWorkflows(pass) ? outputs.tend(stopped) : []) },
    { tend: async (pass, stopped) => (concernsDeployments(pass) ? [deployments.tend(stopped)] : []) },
    { tend: async (pass, stopped) => events.tend(pass, stopped), complete: (task) => events.finish(task) },
  ]
}

const isFor = ({ all, woken }: Pass, kind: IdKind): boolean => all || [...woken].some((id) => looksLikeId(kind, id))

const hasLooked = ({ all, looked }: Pass, kind: IdKind): boolean =>
  all || [...looked].some((id) => looksLikeId(kind, id))

/** An output that is done makes room for the next. */
const concernsWorkflows = (pass: Pass): boolean =>
  isFor(pass, 'workflowRun') || isFor(pass, 'workflowOutput') || pass.hasEnded

const concernsDeployments = ({ all, looked }: Pass): boolean =>
  all || [...looked].some((id) => looksLikeId('deployment', id) || looksLikeId('instance', id))
