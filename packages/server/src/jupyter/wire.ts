import type { RawData } from 'ws'

/**
 * Messages of kernels as they stand on a WebSocket. There are two formats, see
 * https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
 */
export type WireFormat = 'v1' | 'default'

/** Name of the subprotocol for `v1`; without a subprotocol, messages have the default format. */
export const v1Protocol = 'v1.kernel.websocket.jupyter.org'

/** One message: `parts` are JSON texts of header, parent header, metadata and content, and then the buffers. */
export interface WireMessage {
  channel: string
  parts: Buffer[]
  /** The whole of it as it came in the format v1, to be sent on as it is. */
  v1?: Buffer
}

export interface Header {
  msg_id: string
  msg_type: string
  session: string
  date: string
}

export const headerPart = 0
export const parentPart = 1
export const metadataPart = 2
export const contentPart = 3

/** Throws on what is no message in this format. */
export function readMessage(data: Buffer, isBinary: boolean, format: WireFormat): WireMessage {
  return format === 'v1' ? readV1(data) : readDefault(data, isBinary)
}

/** Text where the format says text. */
export function writeMessage(message: WireMessage, format: WireFormat): Buffer | string {
  return format === 'v1' ? (message.v1 ?? writeV1(message)) : writeDefault(message)
}

/** A message that is made here. */
export function makeMessage(
  channel: string,
  { header, parent, metadata, content }: { header: unknown; parent: unknown; metadata: unknown; content: unknown },
): WireMessage {
  return { channel, parts: [header, parent, metadata, content].map((part) => Buffer.from(JSON.stringify(part))) }
}

/** One part of a message as an object; what is none is an empty one. */
export function partOf(message: WireMessage, part: number): Record<string, unknown> {
  const found: unknown = JSON.parse(message.parts[part]?.toString() || '{}')
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : {}
}

/** Header of a message or of what it answers; texts that are missing are empty. */
export function headerOf(message: WireMessage, part: typeof headerPart | typeof parentPart): Header {
  const { msg_id: id, msg_type: type, session, date } = partOf(message, part)
  return { msg_id: textOf(id), msg_type: textOf(type), session: textOf(session), date: textOf(date) }
}

/** What a WebSocket brought, in one piece. */
export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The number of offsets, the offsets, all as 64 bits with the lowest first; then the channel and the parts. */
function readV1(data: Buffer): WireMessage {
  const count = Number(data.readBigUInt64LE(0))
  if (count < contentPart + 3 || count > data.length / 8) throw new Error('not a message: its offsets are wrong')
  const at = Array.from({ length: count }, (_, i) => Number(data.readBigUInt64LE(8 * (i + 1))))
  const pieces = at.slice(0, -1).map((from, i) => {
    const to = at[i + 1] ?? 0
    if (from < 8 * (count + 1) || to < from || to > data.length) throw new Error('not a message: its offsets are wrong')
    return data.subarray(from, to)
  })
  const [channel = Buffer.alloc(0), ...parts] = pieces
  return { channel: channel.toString(), parts, v1: data }
}

function writeV1({ channel, parts }: WireMessage): Buffer {
  const pieces = [Buffer.from(channel), ...parts]
  const head = Buffer.alloc(8 * (pieces.length + 2))
  head.writeBigUInt64LE(BigInt(pieces.length + 1), 0)
  let at = head.length
  for (const [i, piece] of pieces.entries()) {
    head.writeBigUInt64LE(BigInt(at), 8 * (i + 1))
    at += piece.length
  }
  head.writeBigUInt64LE(BigInt(at), 8 * (pieces.length + 1))
  return Buffer.concat([head, ...pieces])
}

/** Text is JSON; a binary one is the number of pieces and their offsets in 32 bits, the JSON, and the buffers. */
function readDefault(data: Buffer, isBinary: boolean): WireMessage {
  const buffers: Buffer[] = []
  let text = data
  if (isBinary) {
    const count = data.readUInt32BE(0)
    if (count < 1 || count > data.length / 4) throw new Error('not a message: its offsets are wrong')
    const at = Array.from({ length: count }, (_, i) => data.readUInt32BE(4 * (i + 1)))
    text = data.subarray(at[0], at[1] ?? data.length)
    for (let i = 1; i < count; i += 1) buffers.push(data.subarray(at[i], at[i + 1] ?? data.length))
  }
  const json = JSON.parse(text.toString()) as Record<string, unknown>
  const parts = ['header', 'parent_header', 'metadata', 'content'].map((name) =>
    Buffer.from(JSON.stringify(json[name] ?? {})),
  )
  return { channel: textOf(json['channel']) || 'shell', parts: [...parts, ...buffers] }
}

function writeDefault({ channel, parts }: WireMessage): Buffer | string {
  const [header, parent, metadata, content] = parts.slice(0, contentPart + 1).map((part) => part.toString() || '{}')
  const { msg_id: id = '', msg_type: type = '' } = JSON.parse(header ?? '{}') as Record<string, unknown>
  const names = `"msg_id":${JSON.stringify(id)},"msg_type":${JSON.stringify(type)},"channel":${JSON.stringify(channel)}`
  const text = `{"header":${header},${names},"parent_header":${parent},"metadata":${metadata},"content":${content},"buffers":[]}`
  const buffers = parts.slice(contentPart + 1)
  if (buffers.length === 0) return text
  const pieces = [Buffer.from(text), ...buffers]
  const head = Buffer.alloc(4 * (pieces.length + 1))
  head.writeUInt32BE(pieces.length, 0)
  let at = head.length
  for (const [i, piece] of pieces.entries()) {
    head.writeUInt32BE(at, 4 * (i + 1))
    at += piece.length
  }
  return Buffer.concat([head, ...pieces])
}
