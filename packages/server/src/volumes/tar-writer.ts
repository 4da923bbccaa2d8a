import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'

import { Header, Pax } from 'tar'

import { type Files, filesIn } from './files.ts'
import type { MemberStats, PackOptions } from './members.ts'
import { blockSize } from './tar-reader.ts'

/** A tar archive (pax) of a folder that tasks may be writing to, or of other files; see `membersOf`. */
export function packTar(root: string | Files, options: PackOptions & { gzip?: boolean } = {}): Readable {
  const chunks = Readable.from(archive(root, options), { objectMode: false })
  if (!options.gzip) return chunks
  return pipeline(chunks, createGzip({ level: 1 }), () => {
    // A failure destroys the stream that is returned, with the error.
  })
}

/** What tar can say: from 1970 to the largest octal number of eleven digits. */
const latestSeconds = 0o77777777777

async function* archive(root: string | Files, options: PackOptions): AsyncGenerator<Buffer> {
  for await (const member of filesIn(root).members(options)) {
    const { path, stats } = member
    switch (member.type) {
      case 'folder':
        yield header(`${path}/`, stats, { type: 'Directory', mode: 0o755, size: 0 })
        break
      case 'link':
        yield header(path, stats, { type: 'SymbolicLink', mode: 0o777, size: 0, linkpath: member.target })
        break
      case 'file':
        yield header(path, stats, { type: 'File', mode: stats.mode & 0o100 ? 0o755 : 0o644, size: stats.size })
        yield* member.content
        if (stats.size % blockSize > 0) yield Buffer.alloc(blockSize - (stats.size % blockSize))
    }
  }
  yield Buffer.alloc(2 * blockSize)
}

interface HeaderFields {
  type: 'File' | 'Directory' | 'SymbolicLink'
  mode: number
  size: number
  linkpath?: string
}

function header(path: string, stats: MemberStats, fields: HeaderFields): Buffer {
  const seconds = Math.min(Math.max(Math.floor(stats.mtimeMs / 1000), 0), latestSeconds)
  const about = { ...fields, path, mtime: new Date(seconds * 1000), uid: 0, gid: 0 }
  const block = new Header(about)
  const needsPax = block.encode()
  const bytes = block.block ?? Buffer.alloc(0)
  return needsPax ? Buffer.concat([new Pax(about).encode(), bytes]) : bytes
}
