import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventFile } from './seed-data.ts'

const root = join(import.meta.dirname, '..')
const corpus = join(root, 'test/model-corpus')

/** Puts models onto a server as a user would: two versions that frameworks wrote, and one with curves in its files. */
export async function seedModels({ url, key }: { url: string; key: string }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-models-'))
  const env = { ...process.env, NABLA_URL: url, NABLA_API_KEY: key, NABLA_CONFIG: join(folder, 'config.json') }
  const upload = (name: string, path: string, ...rest: string[]) =>
    promisify(execFile)(join(root, 'bin/nabla'), ['model', 'upload', name, path, ...rest], { env })
  try {
    await upload('digits', join(corpus, 'onnx/model/digits.onnx'), '--alias', 'champion')
    await upload('digits', join(corpus, 'tensorflow/model'), '--alias', 'candidate')
    const steps = Array.from({ length: 60 }, (_, step) => Math.exp(-step / 15))
    const events = join(folder, 'events.out.tfevents.1.desk')
    writeFileSync(events, eventFile({ 'train/loss': steps, 'val/loss': steps.map((loss) => loss * 1.1 + 0.02) }))
    await upload('fitted', events)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
