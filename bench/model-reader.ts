import { readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { interpretModel } from '../packages/server/src/formats/interpret.ts'

/** Interprets the model in a folder, and says in one line of JSON what that took. Without a folder, nothing. */
const folder = process.argv[2] ?? ''
const names = folder === '' ? [] : readdirSync(folder)
let bytes = 0
const begin = performance.now()
const files = names.map((path) => {
  const read = async (start: number, length: number) => {
    bytes += length
    await using file = await open(join(folder, path))
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start)
    return buffer.subarray(0, bytesRead)
  }
  return { path, sizeBytes: statSync(join(folder, path)).size, read }
})
if (files.length > 0) {
  const { layerCount, parameters } = await interpretModel({ files, complete: true })
  if (layerCount !== 24 || parameters === null || parameters < 4e8) throw new Error('the model was not read')
}
const ms = performance.now() - begin
process.stdout.write(`${JSON.stringify({ ms, bytes, memoryBytes: process.resourceUsage().maxRSS * 1024 })}\n`)
