import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { readForm, unwrapped } from './multipart.ts'

const form = (file: Buffer, fields: Record<string, string> = {}) =>
  Buffer.concat([
    ...Object.entries(fields).map(([name, value]) =>
      Buffer.from(`--b0\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    ),
    Buffer.from(
      '--b0\r\nContent-Disposition: form-data; name="file"; filename="a b.zip"\r\nContent-Type: text/plain\r\n\r\n',
    ),
    file,
    Buffer.from('\r\n--b0--\r\n'),
  ])

/** As a network may cut it. */
const inPieces = (bytes: Buffer, size: number) =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size)),
  )

// Looks like its own end, almost: line breaks and hyphens everywhere.
const file = Buffer.concat([Buffer.from('\r\n--b\r\n--'), Buffer.alloc(600_000, '\r\n-'), Buffer.from('\r\n--b')])

test.each([1000, 65_536, 1_000_000])('a form is read whatever the pieces it comes in (%i bytes)', async (size) => {
  const read = await readForm(inPieces(form(file, { key: 'k1', empty: '' }), size))
  expect(read.fields).toEqual({ key: 'k1', empty: '' })
  expect(read.fileName).toBe('a b.zip')
  expect((await buffer(read.file)).equals(file)).toBe(true)
})

test('a form that is cut short gives no file', async () => {
  const whole = form(file)
  const read = await readForm(inPieces(whole.subarray(0, whole.length - 10), 65_536))
  await expect(buffer(read.file)).rejects.toMatchObject({ code: 'invalid', message: /broke off/ })
  await expect(readForm(Readable.from([Buffer.from('--b0\r\nContent-')]))).rejects.toMatchObject({ code: 'invalid' })
  await expect(readForm(Readable.from([Buffer.from('PK nothing\r\n')]))).rejects.toMatchObject({ code: 'invalid' })
  await expect(readForm(Readable.from([form(file, { a: 'b' }).subarray(0, 60)]))).rejects.toMatchObject({
    code: 'invalid',
  })
})

test('an envelope is taken off, and what has none stays as it is', async () => {
  expect((await buffer(await unwrapped(inPieces(form(file), 65_536)))).equals(file)).toBe(true)
  const bare = Buffer.from('--- a model in YAML\n')
  expect((await buffer(await unwrapped(Readable.from([bare])))).equals(bare)).toBe(true)
  expect(await buffer(await unwrapped(Readable.from([])))).toHaveLength(0)
})
