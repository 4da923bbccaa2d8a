/** The rows of TensorBoards; see `tables.ts`. */
export interface TensorboardTables {
  tensorboards: TensorboardRow
}

export interface TensorboardRow {
  id: string
  teamId: string
  projectId: string
  name: string
  state: string
  reason: string | null
  /** JSON of `{ jobs: string[], experiments: string[] }`, by id. */
  sources: string
  /** JSON of where and as what it runs; decided when it is started. */
  placed: string
  /** How often it has been started. */
  attempt: number
  idleMinutes: number
  createdBy: string
  createdAt: string
  startedAt: string | null
  /** To the minute, and not guarded by the version: people use it while the loop works. */
  usedAt: string
  /** Somebody wants it to end; null again once it has. */
  stopRequestedAt: string | null
  /** It is to be started anew when the present task has ended: there is more to show. */
  restart: number
  endedAt: string | null
  deletedAt: string | null
  wakeAt: string | null
  version: number
}
