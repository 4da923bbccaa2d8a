import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { removeTree } from './remove-tree.ts'

let base: string
let tree: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'remove-tree-'))
  tree = join(base, 'tree')
  await mkdir(join(base, 'outside'))
  await writeFile(join(base, 'outside/kept'), '')
})

afterEach(() => {
  execFileSync('rm', ['-rf', base])
})

async function expectOnlyOutside() {
  expect(await readdir(base)).toEqual(['outside'])
  expect(await readdir(join(base, 'outside'))).toEqual(['kept'])
}

describe('removeTree', () => {
  test('files, links, pipes, odd names, and what is not there', async () => {
    await mkdir(join(tree, 'a/b'), { recursive: true })
    await writeFile(join(tree, 'a/b/file'), '')
    await symlink('../../outside', join(tree, 'a/link'))
    await symlink(join(base, 'outside'), join(tree, 'link'))
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x0a])]), '')
    execFileSync('mkfifo', [join(tree, 'pipe')])
    await removeTree(tree)
    await removeTree(tree)
    await expectOnlyOutside()
  })

  test('a file, or a link itself', async () => {
    await writeFile(tree, '')
    await removeTree(tree)
    await symlink('outside', tree)
    await removeTree(tree)
    await expectOnlyOutside()
  })

  test('more files than are read at a time', async () => {
    await mkdir(tree)
    execFileSync('sh', ['-c', 'seq -f "file-%g" 5000 | xargs touch'], { cwd: tree })
    await removeTree(tree)
    await expectOnlyOutside()
  })

  test('a tree deeper than any path, with much in it on the way', async () => {
    await mkdir(tree)
    const script = `
import os, sys
os.chdir(sys.argv[1])
for n in range(1500):
    open("f", "w").close()
    if n % 100 == 0: os.makedirs("side/way")
    os.mkdir("deeper"); os.chdir("deeper")`
    execFileSync('python3', ['-c', script, tree])
    await removeTree(tree)
    await expectOnlyOutside()
  })

  test('while a task goes on writing into it', async () => {
    await mkdir(join(tree, 'a/b'), { recursive: true })
    await writeFile(join(tree, 'a/b/file'), '')
    const run = { on: true }
    const writer = (async () => {
      for (let n = 0; n < 300 && run.on; n++) {
        await mkdir(join(tree, `a/new-${n}`), { recursive: true }).catch(() => {})
        await writeFile(join(tree, `a/new-${n}/file`), '').catch(() => {})
      }
    })()
    await removeTree(tree).catch(() => {})
    run.on = false
    await writer
    await removeTree(tree)
    await expectOnlyOutside()
  })

  test('can be called off, and taken up again', async () => {
    await mkdir(tree)
    await writeFile(join(tree, 'a'), '')
    await expect(removeTree(tree, AbortSignal.abort())).rejects.toThrowError(/abort/)
    expect(await readdir(tree)).toEqual(['a'])
    await removeTree(tree)
    await expectOnlyOutside()
  })

  const isRoot = process.getuid?.() === 0
  const nobody = 65_534
  // Root may do everything, so only another user can tell whether permissions are dealt with.
  test.skipIf(!isRoot)('folders whose permissions are in the way (needs root, to become somebody else)', async () => {
    for (const [name, mode] of Object.entries({ none: 0, read: 0o400, list: 0o500, enter: 0o100 })) {
      await mkdir(join(tree, name, 'inner'), { recursive: true })
      await writeFile(join(tree, name, 'inner/file'), '')
      await writeFile(join(tree, name, 'file'), '', { mode: 0 })
      execFileSync('chown', ['-R', String(nobody), tree])
      await chmod(join(tree, name, 'inner'), mode)
      await chmod(join(tree, name), mode)
    }
    await chmod(base, 0o755)
    await chown(base, nobody, nobody)
    const script = `
      const { removeTree } = await import(${JSON.stringify(join(import.meta.dirname, 'remove-tree.ts'))})
      await removeTree(${JSON.stringify(tree)})`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { uid: nobody, gid: nobody })
    expect(child.stderr.toString()).toBe('')
    expect(child.status).toBe(0)
    await expectOnlyOutside()
  })
})
