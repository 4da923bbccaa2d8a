import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AppError } from '../lib/app-error.ts'
import { systemClock } from '../lib/clock.ts'
import { Link } from './link.ts'
import { Peers } from './peers.ts'
import type { Route } from './route.ts'
import type { Report } from './wire.ts'

const log = pino({ level: 'silent' })

/** Others may need the processors as well. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 })

test('a gateway follows the routes, and no target may go before it has confirmed that', async () => {
  const data = aFolder()
  const { peers, idle } = aServer(data)
  const { link, routes } = aGateway(data)
  peers.replace([aRoute('a'), aRoute('b')])
  await link.open()
  await until(() => expect(targetsOf(routes)).toEqual(['a', 'b']))
  expect(routes.at(-1)?.[0]?.shares).toEqual(new Map([[1, 100]]))

  peers.replace([aRoute('b')])
  expect(peers.isIdle('a')).toBe(false)
  await until(() => expect(targetsOf(routes)).toEqual(['b']))
  link.report(aReport(link, { outstanding: { a: 2, b: 1 }, queued: { d1: 3 } }))
  await until(() => expect([peers.outstanding('a'), peers.queued('d1')]).toEqual([2, 3]))
  expect([peers.isIdle('a'), idle]).toEqual([false, []])
  link.report(aReport(link, {}))
  await until(() => expect(idle).toEqual(['a']))
  expect(peers.isIdle('a')).toBe(true)
})

test('one that the server has lost counts until its process is gone', async () => {
  const data = aFolder()
  const first = aServer(data)
  const { link } = aGateway(data)
  first.peers.replace([aRoute('a')])
  await link.open()
  link.report(aReport(link, { outstanding: { a: 1 } }))
  await until(() => expect(first.peers.outstanding('a')).toBe(1))
  await first.peers.close()

  const second = aServer(data)
  // It has not said anything yet, but it is there.
  second.peers.replace([])
  expect(second.peers.isIdle('a')).toBe(false)
  await until(() => {
    // It does so again and again.
    link.report(aReport(link, {}))
    expect(second.peers.isIdle('a')).toBe(true)
  })

  const gone = { pid: process.pid, start: 'another process had this number' }
  writeFileSync(join(data, 'gateway/members/0123456789'), JSON.stringify(gone))
  await second.peers.close()
  const third = aServer(data)
  third.peers.replace([])
  expect(readdirSync(join(data, 'gateway/members'))).toEqual([link.id])
})

test('what was counted, and what waits, comes to the server', async () => {
  const data = aFolder()
  const { peers, counted, waits } = aServer(data)
  const { link } = aGateway(data)
  peers.replace([aRoute('a')])
  await link.open()
  const one = { route: 'd1', revision: 1, requests: 3, errors: 1, buckets: [[7, 3]] as [number, number][] }
  link.report(aReport(link, { counted: [one] }))
  link.wait('d1')
  link.wait('d1')
  await until(() => expect([counted, waits]).toEqual([[one], ['d1']]))
})

test('without a server it goes on with the routes and the keys that were known last', async () => {
  const data = aFolder()
  const { peers } = aServer(data)
  const { link } = aGateway(data)
  peers.replace([aRoute('a')])
  await link.open()
  expect(await link.findKey('good', '127.0.0.1')).toEqual({ teamId: 'te1', userName: 'ada' })
  await expect(link.findKey('bad', '127.0.0.1')).rejects.toMatchObject({ code: 'unauthenticated' })
  await peers.close()
  await until(() => expect(link.applied).toBe(-1))
  expect(await link.findKey('good', '127.0.0.1')).toEqual({ teamId: 'te1', userName: 'ada' })
  await expect(link.findKey('bad', '127.0.0.1')).rejects.toMatchObject({ code: 'gateway_alone' })

  const later = aGateway(data)
  await later.link.open()
  expect(targetsOf(later.routes)).toEqual(['a'])
  later.link.close()
  expect(existsSync(join(data, 'gateway/members', later.link.id))).toBe(false)
})

test('a data folder with a long name will do', async () => {
  const data = join(aFolder(), 'x'.repeat(120))
  const { peers } = aServer(data)
  const { link, routes } = aGateway(data)
  peers.replace([aRoute('a')])
  await link.open()
  expect(targetsOf(routes)).toEqual(['a'])
  expect(link.applied).toBe(1)
})

function aServer(data: string) {
  const peers = new Peers({
    data,
    clock: systemClock,
    log,
    async findKey(secret) {
      if (secret !== 'good') throw new AppError('unauthenticated')
      return { teamId: 'te1', userName: 'ada' }
    },
  })
  onTestFinished(() => peers.close())
  const seen = { idle: [] as string[], waits: [] as string[], counted: [] as object[] }
  peers.onIdle = (id) => void seen.idle.push(id)
  peers.onWait = (id) => void seen.waits.push(id)
  peers.onCounted = (one) => void seen.counted.push(one)
  return { peers, ...seen }
}

function aGateway(data: string) {
  const routes: Route[][] = []
  const link = new Link({ data, clock: systemClock, log, onRoutes: (found) => void routes.push(found) })
  onTestFinished(() => link.close())
  return { link, routes }
}

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-peers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const aReport = (link: Link, more: Partial<Report>): Report => ({
  applied: link.applied,
  outstanding: {},
  queued: {},
  counted: [],
  ...more,
})

const targetsOf = (routes: Route[][]): string[] =>
  (routes.at(-1) ?? []).flatMap(({ targets }) => targets.map(({ id }) => id))

const aRoute = (target: string): Route => ({
  id: 'd1',
  name: 'shop',
  teamId: 'te1',
  access: { kind: 'keys' },
  bodyBytes: 1000,
  timeoutMs: 1000,
  idleMs: 1000,
  queue: 10,
  queueMs: 1000,
  perTarget: null,
  rate: null,
  shares: new Map([[1, 100]]),
  shadow: null,
  targets: [{ id: target, host: '127.0.0.1', port: 1, revision: 1 }],
  holds: true,
  waiting: 'none has started yet',
  repeatable: false,
})
