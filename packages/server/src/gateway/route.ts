/** One place where requests of a route can go. */
export interface Target {
  id: string
  host: string
  port: number
  revision: number
}

/** Who may send requests: people's keys, one name and password (keys too), or anyone. */
export type Access =
  | { kind: 'keys' }
  /** `digest`: of what has to stand in `Authorization`, see `digestOfBasic`. */
  | { kind: 'basic'; digest: string }
  | { kind: 'public' }

/** What the gateway knows of something that is served by several targets. It is replaced whole, never changed. */
export interface Route {
  /** Of whatever owns it; also the label of its host name. */
  id: string
  /** Another way to name it, within its team. */
  name: string
  teamId: string
  access: Access
  bodyBytes: number
  /** Until an answer begins; and of silence within it. */
  timeoutMs: number
  idleMs: number
  /** Requests that may wait for a target, and for how long. */
  queue: number
  queueMs: number
  /** Requests under way at one target; null: any number. */
  perTarget: number | null
  rate: { perSecond: number; burst: number } | null
  /** Share of the requests of each revision, in percent; one that is not there gets none. */
  shares: ReadonlyMap<number, number>
  /** Revision that gets copies; null: none does. */
  shadow: number | null
  targets: readonly Target[]
  /** A request waits while there is no target; otherwise it is refused. */
  holds: boolean
  /** Why there is no target, as a clause. */
  waiting: string
  /** A request may be sent again that may have been received: it changes nothing. */
  repeatable: boolean
}
