import { z } from 'zod'
import { sizeBytes } from './fields.ts'
import { route } from './route.ts'
import { treeRequestLimits } from './tree-limits.ts'
import { chunkHash } from './tree-root.ts'

/**
 * Files by content: a client asks which chunks the server lacks, sends those, and commits the tree. See
 * `tree-format.ts` for what a tree is, `chunker.ts` for how files are cut, `chunk-frame.ts` for how chunks travel.
 * A team sees only chunks of its own, so a hash alone opens nothing.
 */
export const tree = z
  .object({
    digest: chunkHash.describe('SHA-256 of the root of the tree: equal trees have equal digests.'),
    files: z.number().int(),
    sizeBytes,
  })
  .meta({ id: 'Tree' })

export type Tree = z.infer<typeof tree>

/** What `check` has come to so far. */
export const checkProgress = z.object({
  packs: z.number().int(),
  packsDone: z.number().int(),
  sizeBytes,
  sizeBytesDone: sizeBytes,
})

/** What is wrong with what is stored. The server has packs of chunks, each an object in a folder or a bucket. */
export const checkReport = z
  .object({
    packs: z.number().int(),
    chunks: z.number().int(),
    sizeBytes,
    missingObjects: z.array(z.string()).describe('Keys of objects that should be there and are not.'),
    extraObjects: z
      .array(z.object({ key: z.string(), sizeBytes }))
      .describe('Objects that belong to nothing; the server removes them after a day.'),
    damagedChunks: z.array(z.object({ hash: z.string(), key: z.string(), reason: z.string() })),
    affectedTrees: z
      .array(
        z.object({
          digest: chunkHash,
          team: z.string(),
          missing: z.number().int().describe('Chunks of it that are damaged or not there.'),
          volumes: z.array(z.string()).describe('What refers to it: what it is, and its id.'),
        }),
      )
      .describe('Trees that cannot be read whole: those of the team that asks.'),
    otherAffectedTrees: z.number().int().describe('How many of other teams cannot.'),
  })
  .meta({ id: 'StoreCheck' })

export type CheckProgress = z.infer<typeof checkProgress>
export type CheckReport = z.infer<typeof checkReport>

const hashes = z.array(chunkHash).max(treeRequestLimits.hashes)

export const treeRoutes = {
  lacking: route({
    method: 'POST',
    path: '/api/v1/trees/lacking',
    about: 'Which of these chunks must be sent. Those that are there already are kept for at least half a day.',
    access: 'member',
    body: z.strictObject({
      chunks: hashes.default([]).describe('Hashes of parts of files.'),
      segments: hashes
        .default([])
        .describe('Hashes of segments of trees. One that is there answers for all the chunks that it names.'),
    }),
    response: z.object({ chunks: z.array(chunkHash), segments: z.array(chunkHash) }),
    errors: ['disk_full'],
  }),
  send: route({
    method: 'PUT',
    path: '/api/v1/trees/chunks',
    about: 'Stores chunks, as frames, 8 MiB or so at a time. What has been answered is on the disk.',
    access: 'member',
    body: 'bytes',
    response: z.object({
      chunks: z.number().int().describe('Chunks that came.'),
      newChunks: z.number().int().describe('Those that the server did not have.'),
    }),
    errors: ['bad_chunk', 'body_too_large', 'disk_full'],
  }),
  commit: route({
    method: 'POST',
    path: '/api/v1/trees',
    about: 'Makes a tree of chunks that have been sent. It is kept while something refers to it, and a day besides.',
    access: 'member',
    body: z.strictObject({ digest: chunkHash.describe('Of the root, which is sent as a chunk too.') }),
    response: tree,
    errors: ['tree_incomplete', 'bad_tree', 'disk_full'],
  }),
  check: route({
    method: 'GET',
    path: '/api/v1/trees/check',
    about: 'Reads all that is stored of all teams and compares it with what should be. The last event has the report.',
    access: 'admin',
    response: { stream: 'events', event: z.union([checkReport, checkProgress]) },
    errors: ['busy'],
  }),
}
