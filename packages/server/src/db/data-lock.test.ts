import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDataFolder } from './data-lock.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'nabla-lock-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

/** Another process that takes the lock, says so, and holds it until it is ended. */
async function otherHolder(folder: string) {
  const program = `
    const { lockDataFolder } = await import(${JSON.stringify(new URL('data-lock.ts', import.meta.url).href)})
    lockDataFolder(${JSON.stringify(folder)})
    process.stdout.write('locked')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

test('a second server is refused, and told who the first is', () => {
  const folder = join(data, 'not', 'there', 'yet')
  const lock = lockDataFolder(folder)
  expect(() => lockDataFolder(folder)).toThrow(
    expect.objectContaining({ code: 'data_in_use', params: { path: folder, pid: String(process.pid) } }),
  )
  lock.release()
  lock.release()
  lockDataFolder(folder).release()
  expect(existsSync(join(folder, 'server.pid'))).toBe(false)
})

test('another process is refused too, and the lock ends with the process, however it ends', async () => {
  const child = await otherHolder(data)
  expect(() => lockDataFolder(data)).toThrow(
    expect.objectContaining({ code: 'data_in_use', params: { path: data, pid: String(child.pid) } }),
  )
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockDataFolder(data).release()
})

test('a folder that cannot be used', () => {
  const file = join(data, 'file')
  writeFileSync(file, '')
  const refused = (reason: string) =>
    expect.objectContaining({ code: 'data_unusable', message: expect.stringContaining(reason) })
  expect(() => lockDataFolder(file)).toThrow(refused('there is a file of that name'))
  expect(() => lockDataFolder(join(file, 'below'))).toThrow(refused('there is a file in its path'))
})

test.runIf(process.getuid?.() === 0)('a read-only file system is told as such (skipped: this is not root)', () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', data])
  try {
    for (const folder of [data, join(data, 'new'), join(data, 'deep', 'new')]) {
      expect(() => lockDataFolder(folder)).toThrow(
        expect.objectContaining({ code: 'data_unusable', message: expect.stringContaining('read-only') }),
      )
    }
  } finally {
    execFileSync('umount', [data])
  }
})
