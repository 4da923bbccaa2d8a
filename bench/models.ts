import { execFile } from 'node:child_process'
import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeTempFolder } from './bench-server.ts'
import type { Section } from './report.ts'

const layers = 24
const layerBytes = 2e9 / layers

/** Reading what models of 2 GB are, each in a process of its own. */
export async function models(): Promise<Section> {
  const work = await makeTempFolder()
  try {
    const safetensors = await makeSafetensors(join(work, 'safetensors'))
    const external = await makeOnnx(join(work, 'onnx-external'), true)
    const inside = await makeOnnx(join(work, 'onnx'), false)
    const rows = []
    for (const [name, folder] of [
      ['nothing (the process alone)', ''],
      ['safetensors, 2 GB', safetensors],
      ['ONNX, 2 GB of external data', external],
      ['ONNX, 2 GB inside', inside],
    ] as const) {
      rows.push([name, ...(await measure(folder))])
    }
    return {
      title: 'Models',
      about:
        'Interpreting a model: format, inputs, outputs, tensors and pickles. The files are sparse; of them only headers ' +
        'are read. `read`: bytes asked for. Memory: the most that the process held, Node itself included.',
      columns: ['model', 'time', 'read', 'memory'],
      rows,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function measure(folder: string): Promise<string[]> {
  const script = join(import.meta.dirname, 'model-reader.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, folder])
  const { ms, bytes, memoryBytes } = JSON.parse(stdout) as Record<'ms' | 'bytes' | 'memoryBytes', number>
  return [`${ms.toFixed(0)} ms`, `${(bytes / 1e3).toFixed(0)} KB`, `${(memoryBytes / 1e6).toFixed(0)} MB`]
}

async function makeSafetensors(folder: string): Promise<string> {
  await mkdir(folder)
  const header: Record<string, object> = {}
  for (let at = 0; at < layers; at++) {
    const shape = [Math.floor(layerBytes / 4)]
    const start = at * shape[0]! * 4
    header[`layer.${at}.weight`] = { dtype: 'F32', shape, data_offsets: [start, start + shape[0]! * 4] }
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const path = join(folder, 'model.safetensors')
  await writeFile(path, Buffer.concat([length, json]))
  await truncate(path, 8 + json.length + layers * Math.floor(layerBytes / 4) * 4)
  return folder
}

/** A model whose tensors are in a file beside it, or inside. */
async function makeOnnx(folder: string, isExternal: boolean): Promise<string> {
  await mkdir(folder)
  const values = Math.floor(layerBytes / 4)
  const place = (at: number) =>
    Object.entries({ location: 'weights.bin', offset: `${at * values * 4}`, length: `${values * 4}` }).map(
      ([key, value]) => field(13, Buffer.concat([field(1, key), field(2, value)])),
    )
  const head = (at: number) => Buffer.concat([number(1, values), number(2, 1), field(8, `layer.${at}`)])
  const opset = field(8, number(2, 18))
  const file = await open(join(folder, 'model.onnx'), 'w')
  const tensors = Array.from({ length: layers }, (_, at) => {
    const begin = isExternal
      ? Buffer.concat([head(at), ...place(at)])
      : Buffer.concat([head(at), tag(9), varint(values * 4)])
    const length = begin.length + (isExternal ? 0 : values * 4)
    return { begin: Buffer.concat([tag(5), varint(length), begin]), skip: isExternal ? 0 : values * 4 }
  })
  const graphBytes = tensors.reduce((sum, { begin, skip }) => sum + begin.length + skip, 0)
  let at = 0
  const write = async (bytes: Buffer) => void (at += (await file.write(bytes, 0, bytes.length, at)).bytesWritten)
  await write(Buffer.concat([opset, tag(7), varint(graphBytes)]))
  for (const { begin, skip } of tensors) {
    await write(begin)
    at += skip
  }
  await file.truncate(at)
  await file.close()
  if (isExternal) {
    await writeFile(join(folder, 'weights.bin'), '')
    await truncate(join(folder, 'weights.bin'), layers * values * 4)
  }
  return folder
}

const tag = (field: number): Buffer => Buffer.from([(field << 3) | 2])
const number = (field: number, value: number): Buffer => Buffer.concat([Buffer.from([field << 3]), varint(value)])
const field = (name: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content)
  return Buffer.concat([tag(name), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
