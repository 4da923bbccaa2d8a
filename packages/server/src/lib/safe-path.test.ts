import { execFileSync } from 'node:child_process'
import { constants, renameSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { AppError } from './app-error.ts'
import { openBeneath, parseRelativePath, pinBeneath, resolveBeneath, withParent } from './safe-path.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = constants

let base: string
let root: string

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'safe-path-')))
  root = join(base, 'root')
  await mkdir(join(root, 'folder/inner'), { recursive: true })
  await mkdir(join(base, 'root-sibling'))
  await mkdir(join(base, 'outside'))
  await writeFile(join(base, 'root-sibling/secret'), 'secret')
  await writeFile(join(base, 'outside/secret'), 'secret')
  await writeFile(join(root, 'folder/file'), 'hello')
})

afterEach(() => rm(base, { recursive: true, force: true }))

async function read(relative: string): Promise<string> {
  const file = await openBeneath(root, relative, O_RDONLY)
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
  return 'none'
}

const refused = [
  '..',
  '.',
  '/',
  '//',
  '../root-sibling/secret',
  '../../etc/passwd',
  'folder/../../outside/secret',
  'folder/..',
  'folder/.',
  './folder',
  'folder//file',
  'folder/',
  '/etc/passwd',
  '//server/share/file',
  '\\\\server\\share\\file',
  '..\\..\\etc\\passwd',
  'folder\\file',
  'C:\\Windows\\win.ini',
  '..%5c..\\x',
  'folder/file\0.txt',
  '\0',
  'a\nb',
  'a\u007fb',
  'a\u0085b',
  'lone\ud800surrogate',
  'n'.repeat(256),
  'ä'.repeat(128),
  `${'a/'.repeat(2000)}a`,
  Array.from({ length: 300 }, () => 'd').join('/'),
]

/** Odd, but names like any other: nothing is decoded, so none of them leads anywhere. */
const literal = [
  '%2e%2e',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%252e%252e%252f',
  '%c0%ae%c0%ae',
  '..%2f..%2fetc',
  '..;',
  '..;/x',
  'folder;jsessionid=1',
  '...',
  '.. ',
  ' ..',
  '\u2024\u2024',
  '\uff0e\uff0e',
  '..\uff0fetc',
  '\u2216etc',
  '~',
  '~root/.ssh',
  '$HOME',
  '`id`',
  '-rf',
  'file:',
  'file:etc/passwd',
  'a?b#c',
  'con',
  'e\u0301',
]

describe('parseRelativePath', () => {
  test.each(refused.map((path) => [JSON.stringify(path.slice(0, 60)), path]))('refuses %s', (_name, path) => {
    expect(() => parseRelativePath(path)).toThrowError(AppError)
  })

  test.each(literal.map((path) => [JSON.stringify(path), path]))('takes %s as it is', (_name, path) => {
    expect(parseRelativePath(path)).toBe(path)
  })

  test('the empty text is the folder itself', () => {
    expect(parseRelativePath('')).toBe('')
  })

  test('says what is wrong without repeating a huge path', () => {
    try {
      parseRelativePath('x'.repeat(100_000))
      expect.unreachable()
    } catch (error) {
      expect((error as Error).message).toContain('longer than 3072 bytes')
      expect((error as Error).message.length).toBeLessThan(400)
    }
  })

  test('whatever it accepts stays beneath the root when joined', () => {
    const piece = fc.constantFrom('..', '.', '', '/', '\\', '%2e', '%2f', '%00', ';', 'a', 'ä', '\0', '\n', '．', ' ')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((parts) => parts.join('')),
          fc.string(),
        ),
        (input) => {
          let path: string
          try {
            path = parseRelativePath(input)
          } catch (error) {
            expect(error).toBeInstanceOf(AppError)
            return
          }
          expect(path).toBe(input)
          const joined = join('/some/root', path)
          expect(joined === '/some/root' || joined.startsWith('/some/root/')).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('openBeneath', () => {
  test.each(refused.map((path) => [JSON.stringify(path.slice(0, 60)), path]))('refuses %s', async (_name, path) => {
    expect(await codeOf(openBeneath(root, path, O_RDONLY))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, path, O_WRONLY | O_CREAT))).toBe('bad_path')
  })

  test.each(literal.map((path) => [JSON.stringify(path), path]))('makes %s inside', async (_name, path) => {
    const parent = path.split('/').slice(0, -1).join('/')
    await resolveBeneath(root, parent, { create: true }, async () => {})
    const file = await openBeneath(root, path, O_WRONLY | O_CREAT | O_EXCL)
    await file.writeFile('x')
    await file.close()
    expect(await readFile(`${root}/${path}`, 'utf8')).toBe('x')
    expect(await read(path)).toBe('x')
    expect((await readdir(base)).sort()).toEqual(['outside', 'root', 'root-sibling'])
  })

  test('follows links that stay inside, folders too', async () => {
    await symlink('file', join(root, 'folder/same'))
    await symlink('../folder/inner/../same', join(root, 'folder/inner/up'))
    await symlink('folder/inner', join(root, 'short'))
    await symlink('.', join(root, 'here'))
    expect(await codeOf(read('folder/inner/up'))).toBe('file_not_found')
    await symlink('../same', join(root, 'folder/inner/same'))
    expect(await read('short/same')).toBe('hello')
    expect(await read('here/here/short/same')).toBe('hello')
  })

  test.each([
    ['a relative link out', '../outside/secret'],
    ['an absolute link', '/etc/passwd'],
    ['a link to a sibling whose name begins the same', '../root-sibling/secret'],
    ['a link out and back in', '../root/folder/file'],
    ['a link through /proc', '/proc/self/root/etc/passwd'],
  ])('refuses %s', async (_name, target) => {
    await symlink(target, join(root, 'link'))
    expect(await codeOf(read('link'))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, 'link', O_WRONLY))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, 'link', O_WRONLY | O_CREAT))).toBe('bad_path')
  })

  test('refuses an absolute link even to a file inside', async () => {
    await symlink(join(root, 'folder/file'), join(root, 'link'))
    expect(await codeOf(read('link'))).toBe('bad_path')
  })

  test('refuses a path through a folder that is a link out', async () => {
    await symlink('../outside', join(root, 'link'))
    expect(await codeOf(read('link/secret'))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, 'link/new', O_WRONLY | O_CREAT))).toBe('bad_path')
    expect(await readdir(join(base, 'outside'))).toEqual(['secret'])
  })

  test('links that go up through another link cannot escape', async () => {
    await symlink('..', join(root, 'folder/inner/up'))
    await symlink('folder/inner/up/../../outside/secret', join(root, 'trick'))
    expect(await codeOf(read('trick'))).toBe('bad_path')
  })

  test('links that go round end', async () => {
    await symlink('b', join(root, 'a'))
    await symlink('a', join(root, 'b'))
    await symlink('self/self', join(root, 'self'))
    expect(await codeOf(read('a'))).toBe('bad_path')
    expect(await codeOf(read('self'))).toBe('bad_path')
  })

  test('O_NOFOLLOW refuses a link at the end', async () => {
    await symlink('folder/file', join(root, 'link'))
    expect(await codeOf(openBeneath(root, 'link', O_RDONLY | O_NOFOLLOW))).toBe('bad_path')
  })

  test('does not wait for a pipe, nor open a device', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    expect(await codeOf(openBeneath(root, 'pipe', O_RDONLY))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, 'pipe', O_WRONLY | O_CREAT))).toBe('bad_path')
  })

  test('opens folders and the root itself', async () => {
    for (const path of ['', 'folder/inner']) {
      const folder = await openBeneath(root, path, O_RDONLY | O_DIRECTORY)
      expect((await folder.stat()).isDirectory()).toBe(true)
      await folder.close()
    }
  })

  test('a root that is itself reached by a link is fine', async () => {
    await symlink('root', join(base, 'alias'))
    const file = await openBeneath(join(base, 'alias'), 'folder/file', O_RDONLY)
    expect(await file.readFile('utf8')).toBe('hello')
    await file.close()
  })

  test('says what is missing and what is in the way', async () => {
    expect(await codeOf(read('nothing'))).toBe('file_not_found')
    expect(await codeOf(read('nothing/at/all'))).toBe('file_not_found')
    expect(await codeOf(read('folder/file/below'))).toBe('bad_path')
    expect(await codeOf(openBeneath(root, 'folder/file', O_WRONLY | O_CREAT | O_EXCL))).toBe('conflict')
    expect(await codeOf(openBeneath(root, 'folder', O_WRONLY))).toBe('bad_path')
    await expect(openBeneath(root, 'no/such', O_WRONLY | O_CREAT)).rejects.toThrowError(/no\/such/)
  })

  test('opens again what was made meanwhile', async () => {
    const open = () => openBeneath(root, 'shared', O_RDWR | O_CREAT)
    const files = await Promise.all([open(), open(), open(), open()])
    const inodes = new Set<number>()
    for (const file of files) {
      inodes.add((await file.stat()).ino)
      await file.close()
    }
    expect(inodes.size).toBe(1)
  })
})

describe('while a task swaps folders for links', () => {
  /** The work may have made a folder in the moment in which there was none: it makes way. */
  function move(from: string, to: string): void {
    try {
      renameSync(join(root, from), join(root, to))
    } catch {
      rmSync(join(root, to), { recursive: true })
      renameSync(join(root, from), join(root, to))
    }
  }

  /** Swaps `root/folder` and a link to `outside` as fast as it can, in this very thread between our steps. */
  async function whileSwapping(work: () => Promise<void>): Promise<number> {
    await symlink('../outside', join(root, 'evil'))
    const run = { on: true }
    let swaps = 0
    const swapping = (async () => {
      while (run.on) {
        move('folder', 'kept')
        move('evil', 'folder')
        await new Promise((resolve) => setImmediate(resolve))
        move('folder', 'evil')
        move('kept', 'folder')
        await new Promise((resolve) => setImmediate(resolve))
        swaps++
      }
    })()
    try {
      await work()
    } finally {
      run.on = false
      await swapping
    }
    return swaps
  }

  test('reading sees the inside or an error, never the outside', async () => {
    await writeFile(join(root, 'folder/secret'), 'inside')
    const seen = new Map<string, number>()
    const swaps = await whileSwapping(async () => {
      for (let round = 0; round < 400; round++) {
        const result = await read('folder/secret').catch((error: AppError) => error.code)
        seen.set(result, (seen.get(result) ?? 0) + 1)
      }
    })
    expect(swaps).toBeGreaterThan(10)
    expect([...seen.keys()].filter((key) => !['inside', 'bad_path', 'file_not_found'].includes(key))).toEqual([])
  })

  test('writing, renaming and making folders never reach the outside', async () => {
    await whileSwapping(async () => {
      for (let round = 0; round < 300; round++) {
        const settled = [
          openBeneath(root, `folder/file-${round}`, O_WRONLY | O_CREAT).then((file) => file.close()),
          resolveBeneath(root, `folder/made/${round}`, { create: true }, async () => {}),
          withParent(root, `folder/renamed-${round}`, {}, async (parent, name) => {
            await writeFile(join(root, `source-${round}`), '')
            await rename(join(root, `source-${round}`), parent.at(name))
          }),
        ]
        for (const result of await Promise.allSettled(settled)) {
          if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(AppError)
        }
      }
    })
    expect(await readdir(join(base, 'outside'))).toEqual(['secret'])
  })

  test('a folder that is moved out of the root while it is held is not opened', async () => {
    await resolveBeneath(root, 'folder', {}, async (folder) => {
      await rename(join(root, 'folder'), join(base, 'outside/folder'))
      // What is pinned stays the same folder, so nothing else can be put in its place.
      expect(await readFile(folder.at('file'), 'utf8')).toBe('hello')
    })
    expect(await codeOf(read('folder/file'))).toBe('file_not_found')
  })
})

describe('pinBeneath', () => {
  test('names a link without following it', async () => {
    await symlink('/etc/passwd', join(root, 'link'))
    const link = await pinBeneath(root, 'link', { followLast: false })
    expect((await link.stat()).isSymbolicLink()).toBe(true)
    await link.close()
  })
})

describe('leaks', () => {
  test('no file stays open, whatever happens', async () => {
    await symlink('../outside', join(root, 'link'))
    await symlink('loop', join(root, 'loop'))
    const before = (await readdir('/proc/self/fd')).length
    for (const path of ['folder/file', 'link', 'link/secret', 'loop', 'nothing', 'folder/file/x', 'folder', 'a/b/c']) {
      for (const flags of [O_RDONLY, O_WRONLY | O_CREAT | O_EXCL]) {
        const file = await openBeneath(root, path, flags).catch(() => undefined)
        await file?.close()
      }
    }
    expect((await readdir('/proc/self/fd')).length).toBe(before)
  })
})
