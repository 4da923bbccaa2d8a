import type { NotebookSummary } from '@nabla/api/notebook'
import { notebookCan, notebookStates } from '@nabla/api/notebook-state'
import { client } from '../../api/client.ts'
import type { Action } from '../../parts/action.ts'
import { openTab } from '../../parts/open-tab.ts'
import { quote } from '../../parts/quote.ts'

/** What is opened for an action that asks something first. */
export type Asked = 'start' | 'stop' | 'fork' | 'change' | 'share' | 'delete' | 'run'

export const notebookAddress = ({ id }: { id: string }): string => `/notebooks/${id}`

/** Why it cannot be done with a notebook as it is; undefined: it can. */
export function whyNot(action: keyof typeof notebookCan, notebook: NotebookSummary): string | undefined {
  const { state, stopRequestedAt } = notebook
  if (!(notebookCan[action] as readonly string[]).includes(state)) {
    if (action === 'delete') return 'Stop it first.'
    return `It is ${notebookStates[state].label.toLowerCase()}.`
  }
  return stopRequestedAt !== null && action !== 'start' && notebookStates[state].active
    ? 'It is being stopped.'
    : undefined
}

/** What can be done with a notebook: in its row, on its page and in the palette. */
export function notebookActions(
  notebook: NotebookSummary,
  { ask, open }: { ask: (asked: Asked) => void; open: (path: string) => unknown },
): Action[] {
  const { name } = notebook
  const said = quote(name)
  return [
    {
      label: 'Open',
      icon: 'external',
      command: `notebook open ${said}`,
      unavailable: whyNot('open', notebook),
      run: () => open('/lab'),
    },
    {
      label: 'Open classic interface',
      icon: 'external',
      command: `notebook open ${said} --path /tree`,
      unavailable: whyNot('open', notebook),
      run: () => open('/tree'),
    },
    {
      label: 'Start',
      icon: 'play',
      command: `notebook start ${said}`,
      unavailable: whyNot('start', notebook),
      run: () => ask('start'),
    },
    {
      label: 'Stop',
      icon: 'stop',
      command: `notebook stop ${said}`,
      unavailable: whyNot('stop', notebook),
      run: () => ask('stop'),
    },
    { label: 'Fork', icon: 'copy', command: `notebook fork ${said}`, run: () => ask('fork') },
    { label: 'Run as a job', icon: 'job', command: `notebook run ${said}`, run: () => ask('run') },
    { label: 'Share', icon: 'link', command: `notebook share ${said}`, run: () => ask('share') },
    { label: 'Rename or tag', icon: 'edit', command: `notebook update ${said} --name NAME`, run: () => ask('change') },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `notebook delete ${said}`,
      unavailable: whyNot('delete', notebook),
      run: () => ask('delete'),
    },
  ]
}

/** Opens a notebook in a tab of its own, signed in. */
export const openNotebook = ({ id }: { id: string }, path: string): Promise<true> =>
  openTab(() => client.notebook.open({ notebook: id, body: { path } }))
