import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { findControlGroups } from './cgroups.ts'

let at: string
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'nabla-cgroups-'))
})
afterEach(() => rmSync(at, { recursive: true }))

const file = (path: string, text: string) => {
  mkdirSync(join(at, path, '..'), { recursive: true })
  writeFileSync(join(at, path), text)
}

test('version 1 has a folder for each controller, and some may be missing', async () => {
  for (const controller of ['cpu', 'memory']) file(`${controller}/nabla/cgroup.procs`, '')
  expect(await findControlGroups(at)).toEqual({
    version: 1,
    parents: { cpu: join(at, 'cpu/nabla'), memory: join(at, 'memory/nabla') },
  })
})

test('version 2 has one folder for all, to which the controllers are handed down', async () => {
  file('cgroup.controllers', 'cpuset cpu memory pids\n')
  file('cgroup.subtree_control', 'cpu memory\n')
  file('nabla/cgroup.procs', '')
  file('nabla/cgroup.subtree_control', '')
  const parent = join(at, 'nabla')
  expect(await findControlGroups(at)).toEqual({ version: 2, parents: { cpu: parent, memory: parent, pids: parent } })
  expect(readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8')).toBe('+pids')
  expect(readFileSync(join(at, 'cgroup.subtree_control'), 'utf8')).toBe('+pids')
})

test('a machine without control groups gives none', async () => {
  expect(await findControlGroups(join(at, 'nowhere'))).toEqual({ version: 1, parents: {} })
})
