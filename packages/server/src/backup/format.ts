import { z } from 'zod'

/**
 * What a backup is: objects of an object store, named by their content, so that nothing is ever stored twice or
 * changed; and a manifest, written last. Files, rows and the list of packs are streams of lines of JSON, cut into
 * blobs; small files share a blob. Several backups in one place share all that did not change between them.
 *
 *     blobs/<SHA-256>            parts of files and of streams
 *     packs/<id>-<SHA-256>       packs of chunks, as they are in the object store of the server
 *     manifests/<time>-<SHA-256> what belongs to one backup
 *     working/<what>-<id>        somebody who is at work here, see `claim.ts`
 */
export const blobKey = (hash: string): string => `blobs/${hash}`
export const packKeyOf = (id: string, hash: string): string => `packs/${id}-${hash}`
export const manifestPrefix = 'manifests/'

const hash = z.string().regex(/^[0-9a-f]{64}$/)

/** A part of a blob: its hash, where it begins, how long it is. */
export const part = z.tuple([hash, z.number().int().min(0), z.number().int().min(0)])
export type Part = z.infer<typeof part>

const stream = z.object({ lines: z.number().int(), parts: z.array(part) })
export type StreamParts = z.infer<typeof stream>

export const manifest = z.object({
  format: z.literal(1),
  version: z.string(),
  createdAt: z.string(),
  database: z.enum(['sqlite', 'postgres']),
  migrations: z.array(z.string()),
  /** A line `{table, columns}`, then a line with the values of each row. */
  rows: stream.extend({ count: z.number().int() }),
  /** Lines of `fileEntry`, in the order of a walk. */
  files: stream.extend({ sizeBytes: z.number(), leftOut: z.number().int() }),
  /** Lines of `packEntry`. */
  packs: stream.extend({ sizeBytes: z.number() }),
  /** The settings file, as it was. */
  settings: z.string().nullable(),
})
export type Manifest = z.infer<typeof manifest>

export const packEntry = z.tuple([z.string().regex(/^[a-z0-9]+$/), hash, z.number().int().min(0)])
export type PackEntry = z.infer<typeof packEntry>

/** One file, folder or link of the data folder. */
export const fileEntry = z.object({
  /** From the data folder; its characters are the bytes of the name. */
  path: z.string(),
  type: z.enum(['file', 'folder', 'link']),
  mode: z.number().int(),
  uid: z.number().int(),
  gid: z.number().int(),
  mtimeMs: z.number(),
  sizeBytes: z.number().int(),
  /** With `mtimeMs` and `sizeBytes`: whether the file is still the one that was read. */
  ino: z.number(),
  ctimeMs: z.number(),
  /** Where a link leads, in bytes as the path. */
  target: z.string().optional(),
  parts: z.array(part).optional(),
})
export type FileEntry = z.infer<typeof fileEntry>

/** Most bytes of one blob. */
export const blobBytes = 8 * 1024 * 1024

/** Files up to this size share a blob. */
export const smallFileBytes = 1024 * 1024
