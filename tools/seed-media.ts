import { crc32, deflateSync } from 'node:zlib'
import type { Client } from '@nabla/api/client'

/** Pictures, words and histograms of a few steps of the run `cnn-1`, named as MLflow and event files name them. */
export async function seedMedia(given: { client: Client; url: string; key: string }): Promise<void> {
  const { client, url, key } = given
  const { items } = await client.run.list({ filter: `name = 'cnn-1'`, limit: 1 })
  for (const { id } of items) {
    const put = async (name: string, step: number, end: string, body: string | Uint8Array<ArrayBuffer>) => {
      const file = encodeURIComponent(`${name}%step%${step}%timestamp%17${step}%${end}`).replaceAll('%2F', '/')
      const address = `${url}/api/2.0/mlflow-artifacts/artifacts/${id}/${file}`
      const answer = await fetch(address, { method: 'PUT', headers: { authorization: `Bearer ${key}` }, body })
      if (!answer.ok) throw new Error(`${file} was not stored: ${answer.status}`)
    }
    for (const step of [1, 2, 3]) {
      await put('images/seen', step, 'x.png', picture(step))
      await put('texts/notes', step, 'x.txt', `epoch ${step}: the loss falls, as it should`)
      await put('histograms/weights', step, 'events.histogram.json', JSON.stringify(histogram(step)))
    }
  }
}

function histogram(step: number): object {
  const counts = Array.from({ length: 24 }, (_, bar) =>
    Math.round(200 * Math.exp(-(((bar - 8 - 2 * step) / (2 + step)) ** 2))),
  )
  return { least: -1.2, limits: counts.map((_, bar) => (bar - 11) / 10), counts }
}

const side = 96

/** A grey PNG, 96 by 96: https://www.w3.org/TR/png-3/ */
function picture(step: number): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  const rows = Array.from({ length: side }, (_, y) => [
    0,
    ...Array.from({ length: side }, (_, x) => Math.round(127 + 120 * Math.sin((x * step + y) / 12))),
  ])
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const data = deflateSync(Buffer.from(rows.flat()))
  return new Uint8Array(
    Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.of())]),
  )
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}
