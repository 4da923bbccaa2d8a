import type { Kysely } from 'kysely'
import { noNode } from '../db/experiment-tables.ts'
import { noStep } from '../db/workflow-tables.ts'
import type { JobRow, MemberRow, ProjectRow, Tables, TeamRow, UserRow, VolumeRow } from '../db/tables.ts'
import { inTransaction } from '../db/transaction.ts'
import { makeKey } from '../kinds/account.ts'
import type { Caller } from '../kinds/kind.ts'
import { toIso } from '../lib/clock.ts'
import { newId, randomText } from '../lib/ids.ts'

/** Rows for tests. Each function stores one and returns it; what is not given gets a value of its own. */

type Db = Kysely<Tables>

/** When everything here was made, unless told otherwise. */
export const start = Date.UTC(2026, 0, 1)

export async function aUser(db: Db, given: Partial<UserRow> = {}): Promise<UserRow> {
  const row = { id: newId('user'), name: `user-${randomText(8)}`, createdAt: toIso(start), ...given }
  await db.insertInto('users').values(row).execute()
  return row
}

export async function aTeam(db: Db, given: Partial<TeamRow> = {}): Promise<TeamRow> {
  const made = { id: newId('team'), name: `team-${randomText(8)}`, createdAt: toIso(start) }
  const row = { storageQuotaBytes: null, ...made, ...given }
  await db.insertInto('teams').values(row).execute()
  return row
}

export async function aMember(db: Db, given: Pick<MemberRow, 'teamId' | 'userId'> & Partial<MemberRow>) {
  const row = { role: 'member', addedAt: toIso(start), ...given }
  await db.insertInto('members').values(row).execute()
  return row
}

/** A key that works: the row and its secret. */
export function aKey(
  db: Db,
  given: { userId: string; teamId: string; name?: string; now?: number; expiresInDays?: number },
) {
  return inTransaction(db, (trx) => makeKey(trx, { name: `key-${randomText(8)}`, now: start, ...given }))
}

/** A person in a team, with a key: all of them new, but for what is given. */
export async function aCaller(
  db: Db,
  given: { team?: Pick<TeamRow, 'id' | 'name'>; user?: Pick<UserRow, 'id' | 'name'>; role?: Caller['role'] } = {},
): Promise<Caller & { keyId: string; secret: string }> {
  const team = given.team ?? (await aTeam(db))
  const user = given.user ?? (await aUser(db))
  const role = given.role ?? 'admin'
  await aMember(db, { teamId: team.id, userId: user.id, role })
  const { row, secret } = await aKey(db, { teamId: team.id, userId: user.id })
  const names = { userName: user.name, teamName: team.name }
  return { userId: user.id, teamId: team.id, ...names, role, keyId: row.id, sessionId: null, secret }
}

export async function aProject(db: Db, given: Pick<ProjectRow, 'teamId'> & Partial<ProjectRow>): Promise<ProjectRow> {
  const made = { id: newId('project'), name: `project-${randomText(8)}`, createdAt: toIso(start) }
  const row = { deletedAt: null, ...made, ...given }
  await db.insertInto('projects').values(row).execute()
  return row
}

/** A job as the database holds it, pending unless told otherwise; nothing runs it. */
export async function aJob(db: Db, given: Pick<JobRow, 'teamId' | 'projectId'> & Partial<JobRow>): Promise<JobRow> {
  const row: JobRow = {
    id: newId('job'),
    name: `job-${randomText(8)}`,
    state: 'pending',
    reason: null,
    exitCode: null,
    attempt: 1,
    spec: '{}',
    machineType: 'C1',
    workspaceId: null,
    artifactsId: newId('volume'),
    parentJobId: null,
    createdBy: newId('user'),
    stopRequestedAt: null,
    stopGraceMs: 10_000,
    stopWhy: null,
    ...noNode,
    ...noStep,
    createdAt: toIso(start),
    startedAt: null,
    endedAt: null,
    deletedAt: null,
    wakeAt: null,
    version: 1,
    ...given,
  }
  await db.insertInto('jobs').values(row).execute()
  return row
}

export async function aVolume(db: Db, given: Pick<VolumeRow, 'teamId' | 'purpose'> & Partial<VolumeRow>) {
  const row: VolumeRow = {
    id: newId('volume'),
    ownerId: null,
    origin: null,
    digest: null,
    treeDigest: null,
    files: 0,
    sizeBytes: 0,
    createdAt: toIso(start),
    deletedAt: null,
    ...given,
  }
  await db.insertInto('volumes').values(row).execute()
  return row
}
