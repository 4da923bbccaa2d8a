import { Readable } from 'node:stream'
import { AppError } from '../../lib/app-error.ts'
import { ByteReader } from '../../volumes/byte-reader.ts'

/** What a form carried: small fields, then one file, which is read as it arrives. */
export interface Form {
  fields: Record<string, string>
  fileName: string
  file: Readable
}

const headerBytes = 16 * 1024
const fieldBytes = 64 * 1024
const mostFields = 50

const bad = (reason: string) => new AppError('invalid', { detail: `The form cannot be read: ${reason}.` })

/**
 * Reads a body of multipart/form-data (RFC 7578) with one file. Its first line tells the boundary: some clients send
 * the type of the file in the header in place of that of the form. Throws AppError `invalid`; the file does too when
 * the form breaks off.
 */
export async function readForm(source: Readable): Promise<Form> {
  const reader = new ByteReader(intact(source))
  const boundary = (await untilLine(reader, 200)).toString('latin1')
  if (!boundary.startsWith('--') || boundary.length < 3) throw bad('it does not begin with a boundary')
  const end = Buffer.from(`\r\n${boundary}`, 'latin1')
  const fields: Record<string, string> = {}
  for (let number = 0; number < mostFields; number += 1) {
    const { name, fileName } = await readHeaders(reader)
    if (fileName !== undefined) return { fields, fileName, file: Readable.from(partOf(reader, end)) }
    fields[name] = await readField(reader, end)
    const rest = (await untilLine(reader, 10)).toString('latin1')
    if (rest.startsWith('--')) break
  }
  throw bad('there is no file in it')
}

/** The bytes of a body that may be a form with one file although its type says otherwise. */
export async function unwrapped(source: Readable): Promise<Readable> {
  const chunks = intact(source)
  const first = await chunks.next()
  const head = first.done ? Buffer.alloc(0) : first.value
  const whole = Readable.from(
    (async function* () {
      yield head
      yield* chunks
    })(),
  )
  const looksLikeForm = /^--[^\r\n]{1,180}\r\nContent-Disposition: *form-data/i.test(head.toString('latin1', 0, 400))
  return looksLikeForm ? (await readForm(whole)).file : whole
}

async function* intact(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer | string>) {
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('invalid', { detail: 'The file broke off while it was sent.' })
  }
}

/** The bytes up to the next line break, which is taken as well. */
async function untilLine(reader: ByteReader, most: number): Promise<Buffer> {
  const head = await reader.peek(most + 2)
  const at = head.indexOf('\r\n')
  if (at < 0) throw bad('it ends too early, or a line of it is too long')
  const line = Buffer.from(await reader.take(at))
  await reader.take(2)
  return line
}

async function readHeaders(reader: ByteReader): Promise<{ name: string; fileName: string | undefined }> {
  let name = ''
  let fileName: string | undefined
  for (let read = 0; read < headerBytes;) {
    const line = (await untilLine(reader, 4000)).toString('utf8')
    if (line === '') return { name, fileName }
    read += line.length + 2
    if (!/^content-disposition:/i.test(line)) continue
    name = /[; ]name="([^"]*)"/i.exec(line)?.[1] ?? ''
    fileName = /filename="([^"]*)"/i.exec(line)?.[1] ?? (/filename\*=/i.test(line) ? 'file' : undefined)
  }
  throw bad('its headers are too long')
}

async function readField(reader: ByteReader, end: Buffer): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of untilEnd(reader, end)) {
    size += chunk.length
    if (size > fieldBytes) throw bad('a field is too long')
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The file, and then the rest of the form, which is read so that the connection can be used again. */
async function* partOf(reader: ByteReader, end: Buffer): AsyncGenerator<Buffer> {
  yield* untilEnd(reader, end)
  for await (const rest of reader.chunks()) void rest
}

/** What stands before `end`, which is taken as well. Throws AppError `invalid` when it never comes. */
async function* untilEnd(reader: ByteReader, end: Buffer): AsyncGenerator<Buffer> {
  for (;;) {
    const window = await reader.peek(windowBytes)
    const at = window.indexOf(end)
    if (at >= 0) {
      if (at > 0) yield Buffer.from(await reader.take(at))
      await reader.take(end.length)
      return
    }
    if (window.length < windowBytes) throw new AppError('invalid', { detail: 'The file broke off while it was sent.' })
    // The end may have begun in the last bytes.
    yield Buffer.from(await reader.take(window.length - end.length))
  }
}

const windowBytes = 256 * 1024
