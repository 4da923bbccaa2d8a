import { ask, type JupyterPlace } from './rest.ts'

/** What a Jupyter server says of itself. */
export interface Sight {
  kernels: { id: string; state: string; lastActivity: string }[]
  /** Which notebook file has which kernel. */
  sessions: { path: string; kernelId: string }[]
  /** `busy`: a program runs in its foreground; undefined: it does not say. */
  terminals: { name: string; lastActivity: string; busy: boolean | undefined }[]
}

/** Asks a Jupyter server for its kernels, sessions and terminals. Throws JupyterError or the error of a connection. */
export async function look(place: JupyterPlace): Promise<Sight> {
  const [kernels, sessions, terminals] = await Promise.all([
    ask(place, 'GET', 'kernels'),
    ask(place, 'GET', 'sessions'),
    // Without the package of terminals there are none.
    ask(place, 'GET', 'terminals').catch(() => []),
  ])
  return {
    kernels: listOf(kernels).map((one) => ({
      id: textOf(one['id']),
      state: textOf(one['execution_state']),
      lastActivity: textOf(one['last_activity']),
    })),
    sessions: listOf(sessions).flatMap((one) => {
      const kernelId = textOf((one['kernel'] as Record<string, unknown> | null)?.['id'])
      const path = textOf(one['path'])
      return one['type'] === 'notebook' && kernelId !== '' && path !== '' ? [{ path, kernelId }] : []
    }),
    terminals: listOf(terminals).map((one) => ({
      name: textOf(one['name']),
      lastActivity: textOf(one['last_activity']),
      busy: typeof one['busy'] === 'boolean' ? one['busy'] : undefined,
    })),
  }
}

const listOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : []

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
