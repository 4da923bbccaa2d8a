import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '@nabla/api'
import { runLimits } from '@nabla/api/run'
import type { FastifyInstance } from 'fastify'
import pino, { type Logger } from 'pino'
import { type Config, loadConfig } from './config.ts'
import { createLoop } from './control/loop.ts'
import { sweepMeasurements } from './control/sweep.ts'
import { compatSites } from './compat/index.ts'
import { lockDataFolder } from './db/data-lock.ts'
import { endpointOf } from './db/endpoint.ts'
import { openDatabase } from './db/open.ts'
import type { Deps } from './deps.ts'
import { openEngines } from './engines/index.ts'
import type { Engine, Finding } from './engines/engine.ts'
import { EventFeed } from './events/feed.ts'
import { AccessLog } from './gateway/access-log.ts'
import type { FindKey } from './gateway/admit.ts'
import { Gateway } from './gateway/gateway.ts'
import { Peers } from './gateway/peers.ts'
import { createApp } from './http/app.ts'
import { loadConsole } from './http/console.ts'
import { FailureLimiter } from './http/auth.ts'
import { ExecSessions } from './exec/sessions.ts'
import { isLoopback } from './http/host.ts'
import { openProgramDoor, type ProgramDoor } from './http/program-door.ts'
import { createSecureDoor } from './http/secure.ts'
import { authenticate, bootstrap, makeOwnerKey } from './kinds/account.ts'
import { openContent } from './kinds/content.ts'
import { noteActivity, runningJupyters } from './kinds/notebook/activity.ts'
import { ImageKeeper } from './kinds/image/keeper.ts'
import { handlers, servedKinds } from './kinds/index.ts'
import { findServed, holdersOf } from './kinds/served.ts'
import { callerOfProgram, isProgramToken } from './kinds/run/program.ts'
import { homePage } from './kinds/server/home-page.ts'
import { createSignInAttempts } from './kinds/session/credentials.ts'
import { authenticateSession, makeSignInCode } from './kinds/session/open.ts'
import { AppError } from './lib/app-error.ts'
import { type Clock, systemClock } from './lib/clock.ts'
import { limits } from './lib/limits.ts'
import { JupyterKeeper } from './jupyter/keeper.ts'
import { createServerMetrics } from './lib/server-metrics.ts'
import { openSecretBox } from './lib/secret-box.ts'
import { createSessionCookie } from './lib/session-cookie.ts'
import { createDoor } from './proxy/door.ts'
import { createProxy } from './proxy/proxy.ts'
import { openStore } from './stores/index.ts'
import { ownedStore } from './trees/store-owner.ts'
import type { ObjectStore } from './stores/store.ts'
import { openMetricStore, type Tick } from './metrics/metric-store.ts'
import { Sampler } from './metrics/sampler.ts'
import { Searches } from './kinds/sweep/journal.ts'
import { TrackingStore } from './tracking/tracking-store.ts'
import { openLogStore } from './tasks/logs/log-store.ts'
import { makeMachineTypes } from './tasks/machine-types.ts'
import { openChunkStore } from './trees/chunk-store.ts'
import { openTreeStore } from './trees/tree-store.ts'
import { openBallast } from './volumes/ballast.ts'
import { UploadStore } from './volumes/upload-store.ts'
import { openVolumeStore } from './volumes/volume-store.ts'

export interface RunningServer {
  /** Where it answers, such as `http://127.0.0.1:7070`. */
  url: string
  /** A key of the first admin: at the very first start, and when one is asked for. */
  firstKey: string | null
  /** Made with it: a code that signs one browser in, within ten minutes. */
  signInCode: string | null
  config: Config
  findings: Finding[]
  app: FastifyInstance
  deps: Deps
  /** Stops answering and lets go of everything. What runs on the engines runs on. */
  close(): Promise<void>
}

export interface StartOptions {
  clock?: Clock
  log?: Logger
  /** Makes one more key of the first admin: for an owner who has lost all keys. */
  newKey?: boolean
  /** Engines instead of those of the settings; the caller closes them. How tests hold on to the fake one. */
  engines?: ReadonlyMap<string, Engine>
  /** Where the built console is looked for, instead of where it is. */
  consoleFolders?: readonly string[]
}

/** The built console: beside the sources, or beside a server that was put into one file. */
const consoleFolders = ['../../console/dist', './console'].map((path) => join(import.meta.dirname, path))

/**
 * Starts a server: takes the data folder, opens the database, finds what runs already, and answers requests.
 * Throws AppError when the data folder is in use or the database cannot be opened.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const clock = options.clock ?? systemClock
  const log = options.log ?? pino({ level: config.logLevel, base: null }, pino.destination(2))
  const undo: (() => unknown)[] = []
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    const lock = lockDataFolder(config.data)
    undo.push(() => lock.release())
    const database = await openDatabase(config)
    undo.push(() => database.close())
    const engines = options.engines ?? openEngines(config, clock, endpointOf(config.database))
    if (!options.engines) undo.push(() => Promise.all([...engines.values()].map((engine) => engine.close())))
    const logs = openLogStore({ dir: join(config.data, 'logs'), clock, onProblem: tellOf(log, logProblem) })
    undo.push(() => logs.shutdown())
    const deps = await makeDeps(config, { clock, log, db: database.db, engines, logs })
    undo.push(() => Promise.all([deps.volumes.close(), deps.trees.close()]))
    undo.push(() => deps.peers.close())
    undo.push(() => deps.measurements.shutdown())
    await deps.tracking.start()
    undo.push(() => deps.tracking.close())
    const sweeping = sweepMeasurements(deps).catch((error: unknown) => tellOf(log, lost)('sweep', error))
    undo.push(() => sweeping)
    await deps.sampler.start()
    undo.push(() => deps.sampler.stop())
    const programs = await openFor([...engines.values()])
    undo.push(() => programs?.close())
    const first = (await bootstrap(deps.db, clock)) ?? (options.newKey ? await makeOwnerKey(deps.db, clock) : null)
    await deps.loop.start()
    undo.push(() => deps.loop.stop())
    deps.jupyter.start()
    undo.push(() => deps.jupyter.close())
    const proxy = createProxy(deps, { find: (label) => findServed(deps, servedKinds, label), holders: holdersOf(deps) })
    undo.push(() => deps.execs.close())
    const app = createApp(deps, {
      handlers,
      authenticate: {
        key: (secret) =>
          isProgramToken(secret) ? callerOfProgram(deps, secret) : authenticate(deps.db, clock, secret),
        session: (token) => authenticateSession(deps.db, clock, token),
      },
      compat: compatSites,
      openContent: (given) => openContent(deps, given),
      proxy,
      gateway: deps.gateway,
      pages: loadConsole(options.consoleFolders ?? consoleFolders, homePage(version)),
    })
    undo.push(() => app.close())
    undo.push(() => deps.accessLog?.close())
    undo.push(() => deps.gateway.close())
    deps.secure = createSecureDoor(config, clock, () => app.server)
    undo.push(() => deps.secure.close())
    const url = await app.listen({ host: config.host, port: config.port })
    deps.reach.port = Number(new URL(url).port) || config.port
    programs?.serve(app)
    await listenForContent(app, config, log)
    const signInCode = first === null ? null : await codeFor(deps, first.secret)
    const findings = (await Promise.all([...engines.values()].map((engine) => engine.doctor()))).flat()
    log.info({ url, version, data: config.data }, 'ready')
    return { url, firstKey: first?.secret ?? null, signInCode, config, findings, app, deps, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Only tasks with networks of their own need a door of their own; the others find the server as people do. */
async function openFor(engines: readonly Engine[]): Promise<ProgramDoor | null> {
  const apart = engines.filter(({ reachServer }) => reachServer !== undefined)
  if (apart.length === 0) return null
  const door = await openProgramDoor()
  for (const engine of apart) engine.reachServer?.(door.port)
  return door
}

/**
 * Opens the second port, for browsers on other machines; those on this one have a name of its own for content. One
 * that was asked for has to be free.
 */
async function listenForContent(app: FastifyInstance, config: Config, log: Logger): Promise<void> {
  const derived = config.port === 0 || config.port === 65_535 || isLoopback(config.host) ? 0 : config.port + 1
  const port = config.contentPort ?? derived
  if (port === 0) return
  try {
    await app.contentSite.listen({ host: config.host, port })
  } catch (error) {
    if (config.contentPort !== undefined) throw error
    log.warn({ err: error, port }, 'browsers on other machines cannot be shown files: choose a free `contentPort`')
  }
}

async function codeFor({ db, clock }: Deps, secret: string): Promise<string> {
  const { keyId, ...caller } = await authenticate(db, clock, secret)
  const { code } = await makeSignInCode(db, clock, { ...caller, keyId })
  return code
}

type Parts = Pick<Deps, 'clock' | 'log' | 'db' | 'engines' | 'logs'>

/** Throws AppError `store_owned`. A bucket that cannot be reached is asked again before the first change to it. */
async function openOwnStore(config: Config, { db, clock, log }: Parts): Promise<ObjectStore> {
  const store = ownedStore(openStore(config, clock), db)
  await store.claim().catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'store_owned') throw error
    log.warn({ err: error }, 'the object store does not answer yet')
  })
  return store
}

async function makeDeps(config: Config, parts: Parts): Promise<Deps> {
  const { clock, db, engines } = parts
  mkdirSync(join(config.data, 'cache'), { recursive: true, mode: 0o700 })
  const notFreed = (error: unknown) => parts.log.warn({ err: error }, 'could not free space')
  const volumes = openVolumeStore(config.data, notFreed)
  await volumes.sweep()
  const capacities = await Promise.all(
    [...engines].map(async ([name, engine]) => [name, await engine.capacity()] as const),
  )
  const { machineTypes: configured, defaultMachineType, cpuOvercommit } = config
  const box = openSecretBox(config.data)
  const store = config.store === 's3' ? await openOwnStore(config, parts) : openStore(config, clock)
  const chunks = openChunkStore({ db, store, clock })
  const { data: dataDir, treeCacheBytes: cacheBytes } = config
  const onChanged = (digest: string) =>
    parts.log.warn({ digest }, 'files kept ready for tasks were changed by somebody, and are made again')
  const trees = openTreeStore({ db, chunks, clock, dataDir, cacheBytes, onError: notFreed, onChanged })
  await trees.sweep()
  const measurements = openMetricStore({ dir: join(config.data, 'metrics'), clock, onProblem: tellOf(parts.log, lost) })
  const withoutLoop: Omit<Deps, 'loop' | 'gateway' | 'peers' | 'accessLog' | 'imageKeeper' | 'secure' | 'jupyter'> = {
    config,
    ...parts,
    machineTypes: makeMachineTypes(new Map(capacities), configured, defaultMachineType, cpuOvercommit),
    volumes,
    store,
    chunks,
    trees,
    uploads: new UploadStore(config.data),
    ballast: await openBallast(config.data),
    feed: new EventFeed(db, clock),
    box,
    cookie: createSessionCookie(box),
    signIns: createSignInAttempts(clock),
    door: createDoor(box, clock),
    execs: new ExecSessions(clock),
    metrics: createServerMetrics(),
    measurements,
    tracking: openTracking(parts),
    searches: new Searches(),
    reach: { port: config.port },
    sampler: new Sampler({
      clock,
      engines,
      store: measurements,
      dataDir: config.data,
      onProblem: tellOf(parts.log, lost),
    }),
  }
  const deps = withoutLoop as Deps
  const keys = new FailureLimiter(clock, limits)
  const findKey: FindKey = (secret, address) => keys.check(address, secret, (text) => authenticate(db, clock, text))
  deps.peers = new Peers({ data: config.data, clock, log: parts.log, findKey })
  const measured = (id: string, tick: Tick) => measurements.append(id, tick)
  deps.accessLog = config.accessLog === undefined ? null : new AccessLog(config.accessLog, clock, parts.log)
  const { accessLog, peers } = deps
  deps.gateway = new Gateway({ clock, log: parts.log, findKey, measured, peers, ...(accessLog && { accessLog }) })
  deps.jupyter = new JupyterKeeper({
    dir: join(config.data, 'jupyter'),
    clock,
    log: parts.log,
    running: () => runningJupyters(deps),
    onLook: (report) => noteActivity(deps, report),
  })
  deps.imageKeeper = new ImageKeeper(deps)
  deps.loop = createLoop(deps)
  return deps
}

function openTracking({ db, clock, log }: Parts): TrackingStore {
  const onProblem = tellOf(log, 'what programs track could not be put in order; trying again')
  const { metricsPerRun, paramsPerRun } = runLimits
  return new TrackingStore({ db, clock, metricsPerRun, paramsPerRun, onProblem })
}

const tellOf = (log: Logger, message: string) => (subject: string, error: unknown) =>
  log.warn({ err: error, subject }, message)

const logProblem = 'a log cannot be written; trying again'
const lost = 'what is used could not be measured, or kept; trying again'

/** Run as a program: settings from the environment; one line of JSON on standard output once it is ready. */
if (import.meta.main) {
  const server = await startServer(loadConfig({}))
  process.stdout.write(`${JSON.stringify({ url: server.url, key: server.firstKey })}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)))
  }
}
