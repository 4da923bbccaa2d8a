import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type ModelKey, type ModelVersion, signedText } from '@nabla/api/model'
import type { Kysely } from 'kysely'
import type { ModelKeyRow, ModelVersionRow } from '../../db/model-tables.ts'
import type { Tables } from '../../db/tables.ts'
import { AppError } from '../../lib/app-error.ts'

type Db = Pick<Kysely<Tables>, 'selectFrom'>

/** The signatures of versions, each checked against the digest of its version: Ed25519, RFC 8032. */
export async function readSignatures(
  db: Db,
  versions: readonly Pick<ModelVersionRow, 'id' | 'digest'>[],
): Promise<Map<string, ModelVersion['signatures']>> {
  const rows = await db
    .selectFrom('modelSignatures')
    .innerJoin('modelKeys', 'modelKeys.id', 'modelSignatures.keyId')
    .leftJoin('users', 'users.id', 'modelSignatures.signedBy')
    .selectAll('modelSignatures')
    .select(['modelKeys.name as keyName', 'modelKeys.publicKey', 'users.name as userName'])
    .where(
      'modelSignatures.versionId',
      'in',
      versions.map(({ id }) => id),
    )
    .orderBy('modelSignatures.signedAt')
    .execute()
  const digests = new Map(versions.map(({ id, digest }) => [id, digest]))
  const items = rows.map((row) => ({
    versionId: row.versionId,
    shown: {
      key: { id: row.keyId, name: row.keyName },
      signature: row.signature,
      signedBy: { id: row.signedBy, name: row.userName ?? row.signedBy },
      signedAt: row.signedAt,
      valid: holds(row.publicKey, digests.get(row.versionId) ?? null, row.signature),
    },
  }))
  return new Map(
    [...Map.groupBy(items, ({ versionId }) => versionId)].map(([id, own]) => [id, own.map(({ shown }) => shown)]),
  )
}

/** Whether a signature (base64) of a digest was made with the private half of a key (PEM). */
export function holds(publicKey: string, digest: string | null, signature: string): boolean {
  if (digest === null) return false
  return verify(null, Buffer.from(signedText(digest)), readKey(publicKey), Buffer.from(signature, 'base64'))
}

/** Reads a public key in PEM. Throws AppError `invalid` for one that is not Ed25519. */
export function readKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: pem, format: 'pem' })
  } catch {
    throw new AppError('invalid', { detail: 'This is no public key in PEM.' })
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new AppError('invalid', { detail: 'Only keys of Ed25519 are taken.' })
  return key
}

/** A key as a caller sees it. */
export function toKey({ id, name, publicKey, createdAt }: ModelKeyRow): ModelKey {
  const der = readKey(publicKey).export({ type: 'spki', format: 'der' })
  return { id, name, publicKey, fingerprint: createHash('sha256').update(der).digest('hex'), createdAt }
}
