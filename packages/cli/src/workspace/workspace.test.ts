import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { extract } from 'tar'
import { expect, test } from 'vitest'
import { aFolder } from '../testing/run-cli.ts'
import { type PackReport, packTar } from './pack.ts'
import { largestFiles, leftOutByUs } from './say-what-goes.ts'
import { scanWorkspace } from './scan.ts'

/** Makes files; a name that ends in `/` is an empty folder. */
async function makeTree(root: string, tree: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true })
    if (!path.endsWith('/')) await writeFile(join(root, path), content)
  }
}

const filesOf = (root: string, patterns: string[] = []): string[] =>
  scanWorkspace(root, patterns)
    .entries.filter(({ type }) => type !== 'folder')
    .map(({ path }) => path)
    .sort()

/** What git would commit of a fresh tree: everything but what its ignore rules hide. */
function gitFiles(root: string, folder = '.'): string[] {
  const options = {
    cwd: join(root, folder),
    encoding: 'utf8' as const,
    env: { PATH: process.env['PATH'], HOME: '/nowhere' },
  }
  execFileSync('git', ['init', '-q', root], options)
  const listed = execFileSync('git', ['ls-files', '-z', '--others', '--exclude-standard'], options)
  return listed.split('\0').filter(Boolean).sort()
}

const tricky = {
  '.gitignore':
    '*.log\n!keep.log\n/build\ndata/*\n!data/small\n**/cache/\n# a comment\n\\#hash\nspace\\ \ntrail   \ndoc/**/*.pdf\n[Tt]emp*\nonly-dir/\n',
  'a.log': '',
  'keep.log': '',
  '#hash': '',
  '# a comment': '',
  'space ': '',
  trail: '',
  build: '',
  'sub/build': '',
  'sub/deep/keep.log': '',
  'sub/deep/x.log': '',
  'sub/.gitignore': '!x.log\n*.bin\n/only-here\ndeep/*.txt\n',
  'sub/only-here': '',
  'sub/deep/only-here': '',
  'sub/deep/a.bin': '',
  'sub/deep/a.txt': '',
  'sub/deep/more/a.txt': '',
  'sub/deep/.gitignore': '!a.bin\n',
  'data/large': '',
  'data/small/x': '',
  'data/other/x': '',
  'x/cache/y': '',
  'x/cached': '',
  'doc/a.pdf': '',
  'doc/x/y/a.pdf': '',
  'doc/x/a.txt': '',
  Temperature: '',
  'sub/temp1': '',
  'only-dir': '',
  'sub/only-dir/file': '',
  'Größe/naïve file.txt': '',
  'odd [x]*/.gitignore': 'a\n',
  'odd [x]*/a': '',
  'odd [x]*/b': '',
  'odd x/a': '',
}

test('takes what git would take, by nested rules of every kind', async () => {
  const root = await aFolder()
  await makeTree(root, tricky)
  expect(filesOf(root)).toEqual(gitFiles(root))
})

test('rules of the repository above hold in a folder of it', async () => {
  const root = await aFolder()
  await makeTree(root, tricky)
  const expected = gitFiles(root, 'sub')
  await writeFile(join(root, '.git', 'info', 'exclude'), '/sub/deep/more\n')
  expect(filesOf(join(root, 'sub'))).toEqual(expected.filter((path) => !path.startsWith('deep/more')))
})

test('a folder that its repository ignores is a workspace all the same', async () => {
  const root = await aFolder()
  await makeTree(root, { '.gitignore': 'runs/\n*.csv\n', 'runs/a/train.py': '', 'runs/a/data.csv': '' })
  gitFiles(root)
  expect(filesOf(join(root, 'runs', 'a'))).toEqual(['data.csv', 'train.py'])
})

test('agrees with git on random trees and rules', async () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'a.b', 'c')
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  const glob = fc.constantFrom('a', 'b', 'a*', '*.b', '?b', '*', '**', '[ab]', 'c/')
  const line = fc
    .tuple(
      fc.constantFrom('', '!', '/', '!/'),
      fc.array(glob, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '/'),
    )
    .map(([start, parts, end]) => start + parts.join('/').replaceAll('//', '/') + end)
    .map((text) => text.replace(/\/\/$/, '/'))
  const rules = fc.dictionary(fc.constantFrom('', 'a/', 'b/', 'a/b/'), fc.array(line, { minLength: 1, maxLength: 4 }))
  await fc.assert(
    fc.asyncProperty(fc.array(path, { minLength: 3, maxLength: 14 }), rules, async (paths, rulesByFolder) => {
      const root = await aFolder()
      // A file where another path needs a folder is left out of the tree.
      for (const file of [...paths].sort((x, y) => y.length - x.length)) {
        await makeTree(root, { [file]: '' }).catch(() => {})
      }
      for (const [folder, lines] of Object.entries(rulesByFolder)) {
        await makeTree(root, { [`${folder}.gitignore`]: `${lines.join('\n')}\n` }).catch(() => {})
      }
      expect(filesOf(root)).toEqual(gitFiles(root))
      await rm(root, { recursive: true })
    }),
    { numRuns: 60 },
  )
})

test('.nablaignore has the last word, and --ignore after it', async () => {
  const root = await aFolder()
  await makeTree(root, {
    '.gitignore': 'dist/\n*.pt\n',
    '.nablaignore': '!dist/\n*.csv\n!node_modules/\n',
    'dist/app.js': '',
    'best.pt': '',
    'data.csv': '',
    'sub/.gitignore': '!x.csv\n',
    'sub/x.csv': '',
    'sub/.nablaignore': '!y.csv\n',
    'sub/y.csv': '',
    'node_modules/m.js': '',
  })
  const always = ['.gitignore', '.nablaignore', 'sub/.gitignore', 'sub/.nablaignore']
  expect(filesOf(root)).toEqual([...always, 'dist/app.js', 'node_modules/m.js', 'sub/y.csv'].sort())
  expect(filesOf(root, ['dist', '/sub', 'node_modules'])).toEqual(['.gitignore', '.nablaignore'])
})

test('history, notes of ours and caches of tools stay here, and it is said which', async () => {
  const root = await aFolder()
  await makeTree(root, {
    '.git/HEAD': '',
    'vendor/.git': 'gitdir: elsewhere',
    'vendor/code.py': '',
    '.nabla/project.json': '{}',
    '.ps_project/config.json': '{}',
    '__pycache__/a.pyc': '',
    'pkg/__pycache__/b.pyc': '',
    'env/pyvenv.cfg': '',
    'env/bin/python': '',
    '.env': 'A=1',
    'empty/': '',
  })
  const scan = scanWorkspace(root, [])
  expect(scan.entries.map(({ path }) => path)).toEqual(['.env', 'empty', 'pkg', 'vendor', 'vendor/code.py'])
  expect(leftOutByUs(scan)).toEqual(['__pycache__/', 'env/', 'pkg/__pycache__/'])
})

test('links inside are kept, links out are reported', async () => {
  const root = await aFolder()
  await makeTree(root, { 'data/a': 'x', 'sub/': '' })
  const links: Record<string, string> = {
    same: 'data/a',
    'sub/up': '../data',
    whole: join(root, 'data', 'a'),
    'sub/whole': join(root, 'data'),
    dangling: 'nothing/here',
    out: '../elsewhere',
    'sub/out': '../../elsewhere',
    etc: '/etc/passwd',
  }
  for (const [path, target] of Object.entries(links)) await symlink(target, join(root, path))
  const scan = scanWorkspace(root, [])
  const kept = scan.entries.flatMap((entry) => (entry.type === 'link' ? [[entry.path, entry.target]] : []))
  expect(Object.fromEntries(kept)).toEqual({
    same: 'data/a',
    'sub/up': '../data',
    whole: 'data/a',
    'sub/whole': '../data',
    dangling: 'nothing/here',
  })
  expect(scan.linksOut.sort()).toEqual(['etc', 'out', 'sub/out'])
})

test('counts what goes and names the largest', async () => {
  const root = await aFolder()
  await makeTree(root, { a: '1', b: '333', c: '22', 'd/e': '4444', f: '' })
  const scan = scanWorkspace(root, [])
  const { files, sizeBytes } = scan
  expect({ files, sizeBytes, largest: largestFiles(scan, 3).map(({ path }) => path) }).toEqual({
    files: 5,
    sizeBytes: 10,
    largest: ['d/e', 'b', 'c'],
  })
})

/** Packs a folder and unpacks it with the tar library into another. */
async function roundTrip(root: string, target: string): Promise<PackReport> {
  const report: PackReport = { changed: [], gone: [] }
  const chunks = packTar(root, scanWorkspace(root, []).entries, report)
  await pipeline(Readable.from(chunks, { objectMode: false }), extract({ cwd: target, strict: true }))
  return report
}

test('what is packed comes out the same: contents, modes, links, long and odd names', async () => {
  const root = await aFolder()
  const target = await aFolder('target')
  const long = `${'deep/'.repeat(40)}${'n'.repeat(200)}.txt`
  const large = Buffer.alloc(1_500_000, 'nabla ')
  await makeTree(root, {
    'a.txt': 'hello',
    [long]: 'far',
    'ünï cödé ✓.txt': 'é',
    'run.sh': '#!/bin/sh\n',
    'empty/': '',
    zero: '',
  })
  await writeFile(join(root, 'large.bin'), large)
  await chmod(join(root, 'run.sh'), 0o755)
  await symlink('a.txt', join(root, 'link'))
  expect(await roundTrip(root, target)).toEqual({ changed: [], gone: [] })
  expect(await readFile(join(target, long), 'utf8')).toBe('far')
  expect(await readFile(join(target, 'ünï cödé ✓.txt'), 'utf8')).toBe('é')
  expect((await readFile(join(target, 'large.bin'))).equals(large)).toBe(true)
  expect(await readlink(join(target, 'link'))).toBe('a.txt')
  const names = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true })).sort()
  expect(await names(target)).toEqual(await names(root))
  expect(execFileSync(join(target, 'run.sh')).toString()).toBe('')
})

test('the system tar reads the archive too', async () => {
  const root = await aFolder()
  await makeTree(root, { 'a/b.txt': 'x', [`${'long/'.repeat(30)}end`]: 'y' })
  const archive = Buffer.concat([...packTar(root, scanWorkspace(root, []).entries, { changed: [], gone: [] })])
  const listed = execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' })
  expect(listed.split('\n')).toContain('a/b.txt')
  expect(listed.split('\n')).toContain(`${'long/'.repeat(30)}end`)
})

test('equal folders make equal archives', async () => {
  const root = await aFolder()
  await makeTree(root, { b: '2', a: '1', 'c/d': '3' })
  const digest = (): string => {
    const hash = createHash('sha256')
    for (const chunk of packTar(root, scanWorkspace(root, []).entries, { changed: [], gone: [] })) hash.update(chunk)
    return hash.digest('hex')
  }
  expect(digest()).toBe(digest())
})

test('files that change or vanish meanwhile leave a whole archive, and are reported', async () => {
  const root = await aFolder()
  const target = await aFolder('target')
  await writeFile(join(root, 'a-shrinks'), Buffer.alloc(700_000, 'x'))
  await writeFile(join(root, 'b-grows'), Buffer.alloc(300_000, 'y'))
  await makeTree(root, { 'c-goes': 'x', 'd-stays': 'z' })
  const report: PackReport = { changed: [], gone: [] }
  const chunks: Uint8Array[] = []
  for (const chunk of packTar(root, scanWorkspace(root, []).entries, report)) {
    if (chunks.length === 0) {
      await truncate(join(root, 'a-shrinks'), 5)
      await appendFile(join(root, 'b-grows'), 'more')
      await rm(join(root, 'c-goes'))
    }
    chunks.push(chunk)
  }
  await pipeline(Readable.from(chunks, { objectMode: false }), extract({ cwd: target, strict: true }))
  expect(report).toEqual({ changed: ['a-shrinks'], gone: ['c-goes'] })
  expect((await readFile(join(target, 'a-shrinks'))).length).toBe(700_000)
  expect((await readFile(join(target, 'b-grows'))).length).toBe(300_004)
  expect(await readFile(join(target, 'd-stays'), 'utf8')).toBe('z')
})

test('what may not be read is an error that says how to go on', async () => {
  const root = await aFolder()
  await makeTree(root, { secret: 'x' })
  await chmod(join(root, 'secret'), 0)
  await chmod(dirname(root), 0o755)
  const program = `
    import { packTar } from ${JSON.stringify(import.meta.resolve('./pack.ts'))}
    import { scanWorkspace } from ${JSON.stringify(import.meta.resolve('./scan.ts'))}
    const root = ${JSON.stringify(root)}
    try { [...packTar(root, scanWorkspace(root, []).entries, { changed: [], gone: [] })] }
    catch (error) { process.stdout.write(error.message + '|' + error.hint) }`
  // Root may read everything, so it is tried as somebody else.
  const somebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', ...somebody })
  expect(ran.stdout).toContain('The file secret cannot be read: permission denied.')
  expect(ran.stdout).toContain('.nablaignore')
})
