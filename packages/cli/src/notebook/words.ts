import { type Notebook, type NotebookPhase, type NotebookState, notebookStates } from '@nabla/api/notebook'
import type { Style } from '../terminal/output.ts'

/** How states look, and sentences about a notebook. */

const looks: Record<NotebookState, { sign: string; style: Style }> = {
  pending: { sign: '◌', style: 'yellow' },
  provisioning: { sign: '◔', style: 'yellow' },
  running: { sign: '●', style: 'green' },
  stopping: { sign: '◕', style: 'magenta' },
  stopped: { sign: '■', style: 'dim' },
  error: { sign: '✖', style: 'red' },
}

export const styleOf = (state: NotebookState): Style => looks[state].style
export const signOf = (state: NotebookState): string => looks[state].sign
export const isActive = ({ state }: Pick<Notebook, 'state'>): boolean => notebookStates[state].active

const doing: Record<NotebookPhase['name'], string> = {
  queue: 'waiting for a place on the machine',
  files: 'getting its files',
  image: 'fetching its image',
  container: 'making its container',
  environment: 'making its environment',
  jupyter: 'starting Jupyter',
  ready: 'running',
}

/** What it does at this moment, for the status line. */
export function activityOf({ state, phases, queue }: Pick<Notebook, 'state' | 'phases' | 'queue'>): string {
  if (state === 'pending') return `${signOf(state)} waiting: ${queue?.why ?? 'it is about to be queued'}`
  const last = phases.at(-1)
  return `${signOf(state)} ${last && state === 'provisioning' ? doing[last.name] : notebookStates[state].label.toLowerCase()}`
}
