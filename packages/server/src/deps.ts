import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Loop } from './control/loop.ts'
import type { Tables } from './db/tables.ts'
import type { Engine } from './engines/engine.ts'
import type { EventFeed } from './events/feed.ts'
import type { AccessLog } from './gateway/access-log.ts'
import type { Gateway } from './gateway/gateway.ts'
import type { Peers } from './gateway/peers.ts'
import type { SecureDoor } from './http/secure.ts'
import type { ImageKeeper } from './kinds/image/keeper.ts'
import type { SignInAttempts } from './kinds/session/credentials.ts'
import type { Clock } from './lib/clock.ts'
import type { ExecSessions } from './exec/sessions.ts'
import type { Door } from './proxy/door.ts'
import type { JupyterKeeper } from './jupyter/keeper.ts'
import type { SecretBox } from './lib/secret-box.ts'
import type { SessionCookie } from './lib/session-cookie.ts'
import type { ServerMetrics } from './lib/server-metrics.ts'
import type { ObjectStore } from './stores/store.ts'
import type { MetricStore } from './metrics/metric-store.ts'
import type { Sampler } from './metrics/sampler.ts'
import type { LogStore } from './tasks/logs/log-store.ts'
import type { Searches } from './kinds/sweep/journal.ts'
import type { TrackingStore } from './tracking/tracking-store.ts'
import type { MachineTypes } from './tasks/machine-types.ts'
import type { ChunkStore } from './trees/chunk-store.ts'
import type { TreeStore } from './trees/tree-store.ts'
import type { Ballast } from './volumes/ballast.ts'
import type { UploadStore } from './volumes/upload-store.ts'
import type { VolumeStore } from './volumes/volume-store.ts'

export type Db = Kysely<Tables>

/** All that the parts of the server share. `main.ts` makes it once and hands it down. */
export interface Deps {
  config: Config
  clock: Clock
  log: Logger
  db: Db
  engines: ReadonlyMap<string, Engine>
  machineTypes: MachineTypes
  logs: LogStore
  volumes: VolumeStore
  /** What never changes, by key: in the data folder or in a bucket. */
  store: ObjectStore
  /** Parts of files by their hash, kept in the store. */
  chunks: ChunkStore
  /** Files by content: folders taken in, looked into, and made for tasks to start from. */
  trees: TreeStore
  uploads: UploadStore
  ballast: Ballast
  feed: EventFeed
  box: SecretBox
  cookie: SessionCookie
  signIns: SignInAttempts
  /** Programs that people run inside tasks. */
  execs: ExecSessions
  /** Stands between pages and the kernels of Jupyter. */
  jupyter: JupyterKeeper
  /** What lets people in at what tasks serve. */
  door: Door
  /** The data plane in front of what is served by several tasks. */
  gateway: Gateway
  /** Where a line about each request to a deployment goes; null: nowhere. */
  accessLog: AccessLog | null
  /** Gateways that are processes of their own. */
  peers: Peers
  loop: Loop
  metrics: ServerMetrics
  /** What tasks and machine used, over time. */
  measurements: MetricStore
  sampler: Sampler
  /** Looks after the images of engines. */
  imageKeeper: ImageKeeper
  /** What programs log of their runs. */
  tracking: TrackingStore
  /** Searchers of the sweeps that were worked on last. */
  searches: Searches
  /** Where programs of tasks on this machine find the server; the port is known once it listens. */
  reach: { port: number }
  /** The same server over TLS, for clients that insist on it. */
  secure: SecureDoor
}
