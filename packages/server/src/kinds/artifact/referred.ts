import type { Trx } from '../../db/transaction.ts'
import { volumesBeingRead } from '../dataset/referred.ts'
import { volumesOfModels } from '../model/referred.ts'

/** Tells which of these volumes something refers to, so that they must stay. */
export type Referrer = (trx: Trx, volumeIds: readonly string[]) => Promise<string[]>

/** Every kind whose resources refer to the artifacts of jobs: one line each. */
const referrers: readonly Referrer[] = [volumesBeingRead, volumesOfModels]

/** The volumes, of those given, that something refers to. */
export async function referredVolumes(trx: Trx, volumeIds: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(referrers.map((referrer) => referrer(trx, volumeIds)))
  return new Set(found.flat())
}
