import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Gateway } from '@nabla/server/gateway/gateway'
import { openPlainDoor } from '@nabla/server/gateway/plain-door'
import { systemClock } from '@nabla/server/lib/clock'
import { limits } from '@nabla/server/lib/limits'

/** The gateway alone, in front of the port that it is given; writes its own port. For `bench/gateway.ts`. */
const [port = '0'] = process.argv.slice(2)
const gateway = new Gateway({
  clock: systemClock,
  log: { debug() {} },
  findKey: async () => ({ teamId: 'team', userName: 'bench' }),
})
gateway.replace([
  {
    id: 'd0000000000000000',
    name: 'bench',
    teamId: 'team',
    access: { kind: 'keys' },
    bodyBytes: 2 ** 26,
    timeoutMs: 60_000,
    idleMs: 60_000,
    queue: 1000,
    queueMs: 10_000,
    perTarget: null,
    rate: null,
    shares: new Map([[1, 100]]),
    shadow: null,
    targets: [{ id: 'one', host: '127.0.0.1', port: Number(port), revision: 1 }],
    holds: true,
    waiting: 'none has started yet',
    repeatable: true,
  },
])
const server = createServer((request, response) => gateway.handle(request, response))
openPlainDoor(server, gateway, { clock: systemClock, bounds: limits, isOurs: () => true })
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
