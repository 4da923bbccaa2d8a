import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { aFolder } from '../testing/run-cli.ts'
import { largestFiles, leftOutByUs, oddities } from './say-what-goes.ts'
import { scanData, scanWorkspace } from './scan.ts'
import { readSource } from './source.ts'

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

test('a link in a circle is no list of rules and no repository, and travels as it is', async () => {
  const root = await aFolder()
  await makeTree(root, { 'train.py': '', 'sub/a.py': '' })
  for (const path of ['.gitignore', '.nablaignore', 'sub/.gitignore', 'sub/.git']) {
    await symlink(path.split('/').at(-1)!, join(root, path))
  }
  expect(filesOf(root)).toEqual(expect.arrayContaining(['.gitignore', 'sub/.gitignore', 'sub/a.py', 'train.py']))
  expect(filesOf(join(root, 'sub'))).toContain('a.py')
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

test('the keys of the user stay here, whatever the rules say', async () => {
  const root = await aFolder()
  const files = ['.config/nabla/config.json', '.config/nabla/other', 'train.py']
  await makeTree(root, Object.fromEntries(files.map((file) => [file, ''])))
  const keyFile = join(root, files[0] ?? '')
  const options = { cacheFolder: await aFolder(), keyFile, now: () => 0 }
  for (const scan of [scanWorkspace(root, ['!config.json'], options), scanData(root, options)]) {
    expect(scan.entries.flatMap(({ type, path }) => (type === 'file' ? [path] : []))).toEqual(files.slice(1))
    expect(scan.ignored).toEqual([{ path: files[0], by: { from: 'always', pattern: files[0] } }])
  }
  const elsewhere = scanWorkspace(join(root, '.config'), [], { ...options, keyFile: '/elsewhere/config.json' })
  expect(elsewhere.files).toBe(2)
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

test('each thing that is left out names the rule that says so', async () => {
  const root = await aFolder()
  await makeTree(root, {
    '.gitignore': '# logs\n*.log\n',
    '.nablaignore': '\n\n/raw/\n',
    'sub/.gitignore': 'x\n*.bin\n',
    'a.log': '',
    'raw/a': '',
    'sub/a.bin': '',
    'sub/keep': '',
    'b.tmp': '',
    '.DS_Store': '',
    '.git/HEAD': '',
  })
  const by = Object.fromEntries(scanWorkspace(root, ['*.tmp']).ignored.map(({ path, by }) => [path, by]))
  const file = (name: string) => join(root, name)
  expect(by).toEqual({
    'a.log': { from: 'file', file: file('.gitignore'), line: 2, pattern: '*.log' },
    'raw/': { from: 'file', file: file('.nablaignore'), line: 3, pattern: '/raw/' },
    'sub/a.bin': { from: 'file', file: file('sub/.gitignore'), line: 2, pattern: '*.bin' },
    'b.tmp': { from: 'option', pattern: '*.tmp' },
    '.DS_Store': { from: 'default', pattern: '.DS_Store' },
    '.git/': { from: 'always', pattern: '.git' },
  })
})

test('virtual environments are left out, unless a rule asks for them', async () => {
  const root = await aFolder()
  await makeTree(root, { 'venv/pyvenv.cfg': '', 'conda/conda-meta/history': '', 'conda/bin/python': '', 'a.py': '' })
  expect(filesOf(root)).toEqual(['a.py'])
  expect(scanWorkspace(root, []).environments.sort()).toEqual(['conda/', 'venv/'])
  const asked = scanWorkspace(root, ['!venv'])
  expect(asked.environments).toEqual(['conda/'])
  expect(asked.environmentsSent).toEqual(['venv'])
})

test('names that are no UTF-8 are left out and shown byte by byte, those with U+FFFD in them go', async () => {
  const root = await aFolder()
  const named = (bytes: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(bytes, 'latin1')])
  writeFileSync(named('caf\xe9.txt'), '')
  mkdirSync(named('dir\xff'))
  await makeTree(root, { 'caf\uFFFD.txt': 'mine', 'café.txt': '' })
  const scan = scanWorkspace(root, [])
  expect(scan.entries.map(({ path }) => path)).toEqual(['café.txt', 'caf\uFFFD.txt'])
  expect(scan.notUtf8.sort()).toEqual(['caf\\xe9.txt', 'dir\\xff'])
  expect(oddities(scan)).toEqual(['left out, because their names are not UTF-8: caf\\xe9.txt, dir\\xff'])
})

test('names that differ in case or form alone go as they are, with a warning', async () => {
  const root = await aFolder()
  await makeTree(root, { 'a/Model.py': '1', 'a/model.py': '2', 'b/model.py': '3', 'caf\u00e9': '', 'cafe\u0301': '' })
  const scan = scanWorkspace(root, [])
  expect(scan.files).toBe(5)
  expect(scan.alike.case.map((pair) => pair.toSorted())).toEqual([['a/Model.py', 'a/model.py']])
  expect(scan.alike.form.map((pair) => pair.toSorted())).toEqual([['cafe\u0301', 'caf\u00e9']])
  expect(oddities(scan)).toHaveLength(2)
  // What rules leave out is like nothing.
  expect(scanWorkspace(root, ['Model.py']).alike.case).toEqual([])
})

test('sockets, pipes and devices are left out and named', async () => {
  const root = await aFolder()
  execFileSync('mkfifo', [join(root, 'pipe')])
  const socket = createServer().listen(join(root, 'socket'))
  await new Promise((resolve) => socket.once('listening', resolve))
  const scan = scanWorkspace(root, [])
  socket.close()
  expect(scan).toMatchObject({ files: 0, entries: [] })
  expect(scan.special.sort()).toEqual(['pipe', 'socket'])
})

test('folders 10,000 deep are refused with their name, and go when they are left out', async () => {
  const root = await aFolder()
  // A shell cannot go so deep.
  const dig = 'import os\nos.mkdir("deep")\nos.chdir("deep")\nfor _ in range(10000): os.mkdir("d"); os.chdir("d")'
  execFileSync('python3', ['-c', dig], { cwd: root })
  onTestFinished(() => void execFileSync('rm', ['-rf', join(root, 'deep')]))
  expect(() => scanWorkspace(root, [])).toThrow('too many folders within folders below deep/d/d')
  expect(scanWorkspace(root, ['deep']).entries).toEqual([])
})

test('a folder that may not be read is an error that says how to go on', async () => {
  const root = await aFolder()
  await makeTree(root, { 'secret/': '' })
  await chmod(join(root, 'secret'), 0)
  await chmod(dirname(root), 0o755)
  const program = `
    import { scanWorkspace } from ${JSON.stringify(import.meta.resolve('./scan.ts'))}
    try { scanWorkspace(${JSON.stringify(root)}, []) }
    catch (error) { process.stdout.write(error.message + '|' + error.hint) }`
  // Root may read everything, so it is tried as somebody else.
  const somebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', ...somebody })
  expect(ran.stdout).toContain('The folder secret cannot be read: permission denied.')
  expect(ran.stdout).toContain('.nablaignore')
})

test('an archive that the server does not unpack is told from what is none', async () => {
  const folder = await aFolder()
  for (const name of ['a.tar.xz', 'a.tbz2', 'a.tar.zst', 'a.txt']) await writeFile(join(folder, name), 'x')
  await expect(readSource('a.tar.xz', folder)).rejects.toMatchObject({ hint: expect.stringContaining('.tar.zst') })
  await expect(readSource('a.tbz2', folder)).rejects.toThrow('packed in a way that the server does not unpack')
  await expect(readSource('a.txt', folder)).rejects.toThrow('neither a folder nor')
  expect(await readSource('a.tar.zst', folder)).toMatchObject({ from: 'archive' })
})
