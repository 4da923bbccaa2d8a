import { crc32, deflateRawSync } from 'node:zlib'

/** Archives made byte by byte for tests: what no honest tool would write can be written with these. */

export interface TarMember {
  path: string | Buffer
  type?: string
  mode?: number
  content?: string | Buffer
  target?: string | Buffer
  /** The size that the header claims, where it is not that of the content. */
  size?: number
  magic?: string
}

/** A tar archive of these members, with its end unless told otherwise. */
export function makeTar(members: TarMember[], options: { end?: boolean } = {}): Buffer {
  const end = options.end === false ? [] : [Buffer.alloc(1024)]
  return Buffer.concat([...members.map(tarMember), ...end])
}

/** A pax header with these records, to go before the member it is about. */
export function paxMember(records: Record<string, string>): TarMember {
  const lines = Object.entries(records).map(([key, value]) => paxRecord(key, value))
  return { path: 'PaxHeader/x', type: 'x', content: lines.join('') }
}

export interface ZipMember {
  path: string | Buffer
  content?: string | Buffer
  /** Unix permissions and type; none if left out. */
  mode?: number
  deflate?: boolean
  /** A method of compression that is only claimed. */
  method?: number
  flags?: number
  /** What the headers claim, where it is not true. */
  size?: number
  crc?: number
}

/** A zip archive of these members, as if made on Unix. */
export function makeZip(members: ZipMember[]): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const member of members) {
    const { local, central } = zipMember(member, offset)
    locals.push(local)
    directory.push(central)
    offset += local.length
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...directory, end])
}

function tarMember(member: TarMember): Buffer {
  const content = Buffer.from(member.content ?? '')
  const block = Buffer.alloc(512)
  Buffer.from(member.path).copy(block, 0, 0, 100)
  block.write(octal(member.mode ?? 0o644, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(member.size ?? content.length, 12), 124)
  block.write(octal(0, 12), 136)
  block.write(' '.repeat(8), 148)
  block.write(member.type ?? '0', 156)
  Buffer.from(member.target ?? '').copy(block, 157, 0, 100)
  block.write(member.magic ?? 'ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(octal(sum, 8), 148)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([block, content, padding])
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`
}

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function zipMember(member: ZipMember, offset: number): { local: Buffer; central: Buffer } {
  const name = Buffer.from(member.path)
  const content = Buffer.from(member.content ?? '')
  const stored = member.deflate ? deflateRawSync(content) : content
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(member.flags ?? 0x800, 2)
  common.writeUInt16LE(member.method ?? (member.deflate ? 8 : 0), 4)
  common.writeUInt32LE(member.crc ?? crc32(content), 10)
  common.writeUInt32LE(stored.length, 14)
  common.writeUInt32LE(member.size ?? content.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, stored])
  const tail = Buffer.alloc(14)
  tail.writeUInt32LE(((member.mode ?? 0) << 16) >>> 0, 6)
  tail.writeUInt32LE(offset, 10)
  const madeBy = Buffer.from([20, 3])
  const central = Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), madeBy, common, tail, name])
  return { local, central }
}
