import { generateKeyPairSync } from 'node:crypto'
import type { Client } from '@nabla/api/client'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Datasets with versions and tags, one of which cannot be fetched, a key that models are signed with, and people. */
export async function seedData(client: Client): Promise<void> {
  const put = (path: string, body: string) => client.storage.put({ path, body })
  await put('faces/README.md', '# Faces\n\nCut out and scaled to **96 px**.\n')
  await put('faces/labels.csv', 'file,who\nada.png,Ada\ngrace.png,Grace\n')
  await put('faces/train/ada.png', 'a'.repeat(4000))
  await commit(client, 'faces', 'faces', 'As they came from the camera', ['raw'])
  await put('faces/train/grace.png', 'g'.repeat(9000))
  await put('faces/labels.csv', 'file,who\nada.png,Ada\ngrace.png,Grace Hopper\n')
  await commit(client, 'faces', 'faces', 'Grace added, names in full', ['prod'])
  await commit(client, 'readme-only', 'faces/README.md', '', [])
  await client.dataset.update({ dataset: 'faces', body: { tags: ['images', 'consent'] } })
  const source = { from: 'url' as const, url: 'http://127.0.0.1:9/digits.zip' }
  const { version } = await client.dataset.commit({ dataset: 'digits', body: { source, message: 'From the archive' } })
  await ended(client, 'digits', version)
  const { publicKey } = generateKeyPairSync('ed25519')
  await client.model.addKey({
    body: { name: 'release', publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string },
  })
  await seedPeople(client)
}

/** A second team, members with either role, and keys: one that never expires, one that soon does. */
async function seedPeople(client: Client): Promise<void> {
  await client.team.create({ body: { name: 'vision' } })
  await client.team.addMember({ team: 'main', user: 'ada', body: { role: 'admin' } })
  await client.team.addMember({ team: 'main', user: 'grace', body: {} })
  await client.key.create({ body: { name: 'laptop' } })
  await client.key.create({ body: { name: 'continuous-integration-of-the-digits-repository', expiresInDays: 2 } })
}

async function commit(client: Client, dataset: string, path: string, message: string, tags: string[]): Promise<void> {
  const made = await client.dataset.commit({ dataset, body: { source: { from: 'storage', path }, message, tags } })
  await ended(client, dataset, made.version)
}

async function ended(client: Client, dataset: string, number: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { state } = await client.dataset.version({ dataset, version: String(number) })
    if (state !== 'preparing') return
    await pause(50)
  }
  throw new Error(`version ${number} of the dataset ${dataset} does not come to an end`)
}

/**
 * An event file of TensorBoard, without its checksums: each value of each metric at its step.
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
 */
export function eventFile(series: Record<string, readonly number[]>): Buffer {
  const records = Object.entries(series).flatMap(([name, values]) =>
    values.map((value, step) => record(eventOf(name, step, value))),
  )
  return Buffer.concat(records)
}

function eventOf(name: string, step: number, value: number): Buffer {
  const tag = Buffer.from(name)
  const number = Buffer.alloc(4)
  number.writeFloatLE(value)
  const summaryValue = Buffer.concat([Buffer.from([0x0a, tag.length]), tag, Buffer.from([0x15]), number])
  const summary = Buffer.concat([Buffer.from([0x0a, summaryValue.length]), summaryValue])
  const at = Buffer.alloc(9)
  at[0] = 0x09
  at.writeDoubleLE(1_700_000_000 + step, 1)
  return Buffer.concat([at, Buffer.from([0x10, step & 127, 0x2a, summary.length]), summary])
}

function record(data: Buffer): Buffer {
  const [head, tail] = [Buffer.alloc(12), Buffer.alloc(4)]
  head.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([head, data, tail])
}
