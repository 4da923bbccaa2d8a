import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Frame, readFrames, writeFrame } from './frame.ts'

/** What was written to it, as one. */
async function bytesOf(write: (socket: Socket) => void): Promise<Buffer> {
  const stream = new PassThrough()
  write(stream as unknown as Socket)
  stream.end()
  return Buffer.concat(await stream.toArray())
}

test('messages come out as they went in, wherever they are cut', async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 })
  const frames = fc.array(fc.record({ op: fc.string(), id: fc.nat(), parts: fc.array(parts, { maxLength: 3 }) }), {
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (sent, cuts) => {
      const all = await bytesOf((socket) => {
        for (const { op, id, parts } of sent) {
          const tensors = parts.map((one, at) => ({ name: `t${at}`, type: 'uint8' as const, shape: [1], parts: one }))
          writeFrame(socket, { op, id }, tensors)
        }
      })
      const stream = new PassThrough()
      const found: Frame[] = []
      readFrames(stream as unknown as Socket, (frame) => found.push(frame))
      for (let at = 0, cut = 0; at < all.length; cut++) {
        const end = at + cuts[cut % cuts.length]!
        stream.write(all.subarray(at, end))
        at = end
      }
      stream.end()
      await new Promise((resolve) => stream.once('close', resolve))
      expect(
        found.map(({ head: { op, id }, tensors }) => ({ op, id, parts: tensors.map((one) => [...one.bytes]) })),
      ).toEqual(
        sent.map(({ op, id, parts }) => ({ op, id, parts: parts.map((one) => one.flatMap((part) => [...part])) })),
      )
      // Where arrays of any type can look at them.
      for (const { tensors } of found) for (const { bytes } of tensors) expect(bytes.byteOffset % 8).toBe(0)
    }),
  )
})

test('what is no message ends the connection', async () => {
  const stream = new PassThrough()
  readFrames(stream as unknown as Socket, () => expect.unreachable())
  const failed = new Promise<Error>((resolve) => stream.once('error', resolve))
  stream.write(Buffer.alloc(8, 0xff))
  expect((await failed).message).toBe('a message is too large')
})
