import { createServer } from 'node:http'
import { join } from 'node:path'
import pino from 'pino'
import type { Deps } from '../../../packages/server/src/deps.ts'
import { JupyterKeeper } from '../../../packages/server/src/jupyter/keeper.ts'
import type { Caller } from '../../../packages/server/src/kinds/kind.ts'
import { systemClock as clock } from '../../../packages/server/src/lib/clock.ts'
import { openSecretBox } from '../../../packages/server/src/lib/secret-box.ts'
import { createDoor } from '../../../packages/server/src/proxy/door.ts'
import { createProxy, enterPath } from '../../../packages/server/src/proxy/proxy.ts'
import type { Served } from '../../../packages/server/src/proxy/served.ts'

/** What `jupyter-proxy.ts` is told, as JSON in its first argument. */
export interface ProxyOptions {
  /** Folder that outlives it. */
  data: string
  /** Port that it listens on. */
  port: number
  jupyter: { port: number; token: string }
}

/** Names of what it serves: one Jupyter twice, at an origin each. */
export const proxyLabels = ['n0000000000000001', 'n0000000000000002'] as const

/**
 * A program of the parts of the server that stand before a Jupyter, so that it can be killed: the proxy, its door, and
 * what keeps the output of kernels. It answers at `/tickets` of 127.0.0.1 with an address for each label.
 */
if (import.meta.main) {
  const { data, port, jupyter } = JSON.parse(process.argv[2]!) as ProxyOptions
  const log = pino({ level: 'warn' }, pino.destination(2))
  const caller = { teamId: 't', userId: 'u0000000000000000', userName: 'ada', keyId: 'k', sessionId: null } as Caller
  const door = createDoor(openSecretBox(data), clock)
  const place = {
    host: '127.0.0.1',
    port: jupyter.port,
    headers: { authorization: `token ${jupyter.token}` },
    prefix: '',
  }
  const running = async () => proxyLabels.slice(0, 1).map((id) => ({ id, place }))
  const keeper = new JupyterKeeper({ dir: join(data, 'jupyter'), clock, log, running })
  const servedAt = (id: string): Served => ({
    teamId: caller.teamId,
    name: 'Notebook a',
    access: 'team',
    task: { id: 'x', engine: 'none' },
    port: jupyter.port,
    headers: place.headers,
    observe: (what, url) => keeper.observe(id, what, url),
    takeSocket: (given) => keeper.takeSocket(id, place, given),
  })
  const engines = new Map([['none', { address: async () => ({ host: place.host, port: place.port }) }]])
  const deps = { engines, clock, log, door } as unknown as Pick<Deps, 'engines' | 'clock' | 'log' | 'door'>
  const find = async (label: string) => (proxyLabels.some((one) => one === label) ? servedAt(label) : null)
  const holders = { key: async () => caller, byId: async () => caller, member: async () => caller }
  const proxy = createProxy(deps, { find, holders })
  const labelOf = (host: string | undefined) => /^(n\d{16})\.localhost:/.exec(host ?? '')?.[1]
  const addressOf = (label: string, path: string) =>
    `http://${label}.localhost:${port}${enterPath}?ticket=${door.issue(caller, label, path).ticket}`
  const server = createServer((request, response) => {
    const label = labelOf(request.headers.host)
    if (label !== undefined) proxy.handle({ label, secure: false }, request, response)
    else response.end(JSON.stringify(proxyLabels.map((one) => addressOf(one, '/lab/tree/a.ipynb'))))
  })
  server.on('upgrade', (request, socket, head) => {
    const label = labelOf(request.headers.host)
    if (label === undefined) socket.destroy()
    else proxy.upgrade({ label, secure: false }, request, socket, head)
  })
  server.listen(port, '127.0.0.1', () => process.stdout.write('listening\n'))
  keeper.start()
}
