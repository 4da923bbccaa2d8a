import type { DeploymentState } from '@nabla/api/deployment-state'
import { deploymentCan, deploymentStates } from '@nabla/api/deployment-states'
import type { Action } from '../../parts/action.ts'
import { quote } from '../../parts/quote.ts'

/** What an action has to know of a deployment. */
export interface ActedDeployment {
  id: string
  name: string
  state: DeploymentState
  revision: number
  serving: number | null
  instances: { wanted: number }
  rollout: { state: 'rolling' | 'canary' | 'failed'; canaryPercent: number | null } | null
  /** Only the page knows it. */
  shadow?: boolean
}

/** What is opened for an action that asks something first. */
export interface AskedOfDeployment {
  ask: 'stop' | 'scale' | 'rollback' | 'delete'
  deployment: ActedDeployment
}

interface Given {
  go: (address: string) => void
  ask: (asked: AskedOfDeployment) => void
  run: (what: 'start' | 'restart' | 'promote', deployment: ActedDeployment) => unknown
}

/** What can be done with one deployment: in its row, on its page and in the palette. */
export function deploymentActions(deployment: ActedDeployment, { go, ask, run }: Given): Action[] {
  const { id, state, revision, rollout } = deployment
  const name = quote(deployment.name)
  const isStopped = state === 'stopped' || state === 'stopping'
  const isTrial = rollout?.state === 'canary' || deployment.shadow === true
  return [
    {
      label: 'Start',
      icon: 'play',
      command: `deployment start ${name}`,
      unavailable: whyNot('start', state),
      run: () => run('start', deployment),
    },
    {
      label: 'Promote',
      icon: 'check',
      command: `deployment promote ${name}`,
      unavailable: isTrial ? undefined : 'The newest revision answers all requests already.',
      run: () => run('promote', deployment),
    },
    {
      label: 'Change',
      icon: 'edit',
      command: `deployment update ${name} --env NAME=VALUE`,
      run: () => go(`/deployments/new?change=${id}`),
    },
    {
      label: 'Scale',
      icon: 'columns',
      command: `deployment scale ${name} ${deployment.instances.wanted}`,
      run: () => ask({ ask: 'scale', deployment }),
    },
    {
      label: 'Roll back',
      icon: 'left',
      command: `deployment rollback ${name}`,
      unavailable: revision === 1 ? 'There is only one revision.' : undefined,
      run: () => ask({ ask: 'rollback', deployment }),
    },
    {
      label: 'Restart',
      icon: 'retry',
      command: `deployment restart ${name}`,
      unavailable: isStopped ? 'Start it instead.' : undefined,
      run: () => run('restart', deployment),
    },
    {
      label: 'Stop',
      icon: 'stop',
      command: `deployment stop ${name}`,
      unavailable: whyNot('stop', state),
      run: () => ask({ ask: 'stop', deployment }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `deployment delete ${name}`,
      unavailable: whyNot('delete', state),
      run: () => ask({ ask: 'delete', deployment }),
    },
  ]
}

function whyNot(action: keyof typeof deploymentCan, state: DeploymentState): string | undefined {
  if ((deploymentCan[action] as readonly DeploymentState[]).includes(state)) return undefined
  if (action === 'start') return 'It is started already.'
  if (action === 'delete') return 'Stop it first.'
  return `It is ${deploymentStates[state].label.toLowerCase()}.`
}
