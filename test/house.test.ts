import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pages } from '../tools/reference/pages.ts'
import { type Module, type Node, nodesOf, placeOf, readModules, root, textOf } from './sources.ts'

/** The law of the house. Each test names a rule of ARCHITECTURE.md or CONTRIBUTING.md and finds what breaks it. */

const modules = readModules()
const product = modules.filter((module) => !module.forTests && module.path.startsWith('packages/'))
const server = 'packages/server/src/'
const inServer = product.filter(({ path }) => path.startsWith(server))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('there is something to look at', () => {
  expect(modules.length).toBeGreaterThan(220)
  expect(modules.flatMap(({ imports }) => imports).length).toBeGreaterThan(900)
  expect(modules.reduce((sum, module) => sum + [...nodesOf(module)].length, 0)).toBeGreaterThan(100_000)
})

describe('layers', () => {
  test('api imports zod and eventsource-parser, and nothing that only one runtime has', () => {
    const allowed = /^(zod|eventsource-parser|eventsource-parser\/stream|packages\/api\/.*)$/
    expect(importsOf(under('packages/api/'), (to) => !allowed.test(to))).toEqual([])
  })

  test('cli imports the server in commands/up.ts and server-here.ts only, and loads it only when it is needed', () => {
    const found = importsOf(
      under('packages/cli/'),
      (to) => to.startsWith(server),
      (one) => one.dynamic || one.typeOnly,
    )
    expect([...new Set(found.map(([from]) => from))]).toEqual([
      'packages/cli/src/commands/up.ts',
      'packages/cli/src/server-here.ts',
    ])
    const loaded = importsOf(
      under('packages/cli/'),
      (to) => to.startsWith(server),
      (one) => !one.dynamic && !one.typeOnly,
    )
    expect(loaded).toEqual([])
  })

  test('serve imports of ours the contract only, and nothing imports serve', () => {
    const outside = (to: string) => to.startsWith('packages/') && !/^packages\/(serve|api)\//.test(to)
    expect(importsOf(under('packages/serve/'), outside)).toEqual([])
    const others = product.filter(({ path }) => !path.startsWith('packages/serve/'))
    expect(importsOf(others, (to) => to.startsWith('packages/serve/'))).toEqual([])
  })

  /** What each folder of the server may import, beside itself and `lib/`. `deps.ts` is types only, and open to all. */
  const layers: Record<string, string[]> = {
    lib: [],
    db: ['config.ts'],
    engines: ['config.ts'],
    tasks: ['config.ts', 'db', 'engines/engine.ts'],
    stores: ['config.ts'],
    backup: ['config.ts', 'db', 'stores', 'trees/packs.ts', 'trees/store-owner.ts', 'volumes'],
    trees: ['db', 'stores', 'tasks', 'volumes'],
    volumes: ['db', 'stores/s3/xml.ts'],
    events: ['db'],
    formats: [],
    jupyter: ['proxy/served.ts'],
    search: [],
    metrics: ['engines/engine.ts'],
    tracking: ['db'],
    compat: ['db', 'events', 'kinds', 'tracking', 'volumes'],
    kinds: [
      'control/action.ts',
      'control/place.ts',
      'control/queue.ts',
      'db',
      'engines/engine.ts',
      'events',
      'exec',
      'formats',
      'gateway',
      'jupyter',
      'metrics',
      'proxy',
      'search',
      'tasks',
      'tracking',
      'trees',
      'volumes',
    ],
    control: ['db', 'engines/engine.ts', 'events', 'kinds', 'metrics', 'tasks', 'trees', 'volumes'],
    exec: ['engines/engine.ts'],
    gateway: ['metrics', 'proxy'],
    proxy: ['engines/engine.ts', 'http/host.ts', 'kinds/kind.ts'],
    http: ['config.ts', 'kinds/kind.ts', 'compat/site.ts', 'db', 'gateway', 'proxy'],
  }

  test.each(Object.entries(layers))('server: %s imports only what is below it', (folder, allowed) => {
    const inFolder = inServer.filter(({ path }) => path.startsWith(`${server}${folder}/`))
    expect(inFolder.length).toBeGreaterThan(0)
    const open = [folder, 'lib', 'deps.ts', ...allowed].map((entry) => server + entry)
    const outside = (to: string) =>
      to.startsWith(server) && !open.some((path) => to === path || to.startsWith(`${path}/`))
    expect(importsOf(inFolder, outside)).toEqual([])
  })

  test('every folder of the server has its layer', () => {
    const folders = inServer.map(({ path }) => path.slice(server.length).split('/')).filter((parts) => parts.length > 1)
    expect(new Set(folders.map(([folder]) => folder))).toEqual(new Set(Object.keys(layers)))
    expect(
      importsOf(
        inServer,
        (to) => to === `${server}deps.ts`,
        (one) => !one.typeOnly,
      ),
    ).toEqual([])
  })

  test('an engine imports no other engine, only what they share', () => {
    const inner = under(`${server}engines/`).filter(({ path }) => path.split('/').length > 5)
    const shared = (to: string) => to === `${server}engines/engine.ts` || folderOf(to) === `${server}engines/machine`
    const other = (to: string, from: string) =>
      to.startsWith(`${server}engines/`) && !shared(to) && folderOf(to) !== folderOf(from)
    expect(importsOf(inner, other)).toEqual([])
  })

  test('what is for tests is imported by tests only', () => {
    const forTests = new Set(modules.filter((module) => module.forTests).map(({ path }) => path))
    expect(importsOf(product, (to) => forTests.has(to))).toEqual([])
  })

  test('no module needs itself to load', () => {
    expect(findCycle(new Map(modules.map((module) => [module.path, loadsOf(module)])))).toEqual([])
  })
})

describe('each thing has one place', () => {
  test('tasks, volumes, stores, trees, events and engines never mention a kind', () => {
    const kinds = /job|workspace|artifact|experiment|notebook|deployment|tensorboard|workflow|dataset/i
    const room = under(
      ...[
        'tasks',
        'volumes',
        'stores',
        'trees',
        'events',
        'engines',
        'metrics',
        'tracking',
        'gateway',
        'proxy',
        'jupyter',
      ].map((name) => `${server}${name}/`),
    )
    const names = (node: Node) => node.type === 'Identifier' && kinds.test(String(node['name']))
    const tables = (node: Node) =>
      node.type === 'Literal' && /^(jobs|workspaces|projects)(\.|$)/.test(String(node['value']))
    expect(find(room, (node) => names(node) || tables(node))).toEqual([])
  })

  test('only control/act.ts makes an engine change something', () => {
    const verbs = new Set(['start', 'stop', 'remove'])
    const calls = (node: Node, module: Module) => {
      const called = node.type === 'CallExpression' ? (node['callee'] as Node) : undefined
      if (called?.type !== 'MemberExpression') return false
      return (
        verbs.has(textOf(module, called['property'] as Node)) &&
        /engine/i.test(textOf(module, called['object'] as Node))
      )
    }
    const found = find(
      inServer.filter(({ path }) => !path.startsWith(`${server}engines/`)),
      calls,
    )
    expect([...new Set(found.map((place) => place.split(':')[0]))]).toEqual([`${server}control/act.ts`])
    expect(found).toHaveLength(3)
  })

  test('only db/ knows SQL and its drivers', () => {
    const elsewhere = inServer.filter(({ path }) => !path.startsWith(`${server}db/`))
    expect(importsOf(elsewhere, (to) => /^(node:sqlite|pg)$/.test(to))).toEqual([])
    expect(
      importsOf(
        elsewhere,
        (to) => to === 'kysely',
        (one) => !one.typeOnly,
      ),
    ).toEqual([])
    expect(
      find(
        elsewhere,
        (node, module) => node.type === 'TaggedTemplateExpression' && textOf(module, node['tag'] as Node) === 'sql',
      ),
    ).toEqual([])
  })

  test('only config.ts and settings.ts read the environment', () => {
    const found = find(
      product,
      (node, module) => textOf(module, node) === 'process.env' && node.type === 'MemberExpression',
    )
    expect(found.map((place) => place.split(':')[0])).toEqual(['packages/cli/src/settings.ts', `${server}config.ts`])
  })

  test('only lib/clock.ts reads the time; in the CLI, main.ts hands it down', () => {
    const clocks = /^(Date\.now|performance\.now|process\.hrtime.*)$/
    const reads = (node: Node, module: Module) =>
      (node.type === 'MemberExpression' && clocks.test(textOf(module, node))) ||
      (node.type === 'NewExpression' && /^new Date(\(\))?$/.test(textOf(module, node))) ||
      (node.type === 'CallExpression' && textOf(module, node).startsWith('Date('))
    const places = find(product, reads).map((place) => place.split(':')[0])
    expect([...new Set(places)]).toEqual([
      'packages/cli/src/main.ts',
      'packages/console/src/clock.ts',
      'packages/serve/src/clock.ts',
      `${server}lib/clock.ts`,
    ])
  })

  test('planners and placement are pure', () => {
    const pure = inServer.filter(({ path }) =>
      /\/kinds\/.*\/(plan|nodes|idle|verdict)\.ts$|\/control\/(place|action)\.ts$/.test(path),
    )
    expect(pure.length).toBeGreaterThan(2)
    const allowed = new RegExp(
      `^(packages/api/.*|${server}lib/(clock|assert|limits)\\.ts|(${server}control/action|${server}kinds/.*/(plan|nodes|idle|verdict))\\.ts)$`,
    )
    expect(
      importsOf(
        pure,
        (to) => !allowed.test(to),
        (one) => !one.typeOnly,
      ),
    ).toEqual([])
    expect(find(pure, (node) => node['async'] === true || node.type === 'AwaitExpression')).toEqual([])
    expect(find(pure, (node, module) => /^(Math\.random|systemClock|process)$/.test(textOf(module, node)))).toEqual([])
  })

  test('nothing is written to the console but by the output of the CLI', () => {
    expect(find(product, (node) => node.type === 'Identifier' && node['name'] === 'console')).toEqual([])
    const streams = find(product, (node, module) => /^process\.(stdout|stderr)$/.test(textOf(module, node)))
    expect([...new Set(streams.map((place) => place.split(':')[0]))]).toEqual([
      'packages/cli/src/main.ts',
      'packages/serve/src/main.ts',
      `${server}main.ts`,
    ])
  })

  test('no program is started through a command line that is put together', () => {
    const shells = (node: Node, module: Module) => {
      if (node.type === 'Property') return /^shell: *(true|['"`])/.test(textOf(module, node))
      if (node.type === 'ImportSpecifier') return /^exec(Sync)?$/.test(textOf(module, node['imported'] as Node))
      if (node.type !== 'ArrayExpression') return false
      const items = (node['elements'] as (Node | null)[]).map((item) => textOf(module, item))
      return items.some((item, index) => /^['"`]-c['"`]$/.test(item) && /^`[^]*\$\{/.test(items[index + 1] ?? ''))
    }
    expect(find(modules, shells)).toEqual([])
  })
})

describe('size', () => {
  test('no file is longer than 400 lines', () => {
    const python = globSync('packages/**/src/**/*.py', { cwd: root })
    expect(python.length).toBeGreaterThan(10)
    const long = [...modules.map(({ path }) => path), ...python].filter((path) => read(path).split('\n').length > 401)
    expect(long).toEqual([])
  })

  test('the linter still holds functions to 70 lines', () => {
    expect(read('.oxlintrc.json')).toContain('"max-lines-per-function": ["error", { "max": 70,')
    expect(find(modules, (node) => node.type === 'Program')).toEqual([])
    expect(
      modules.filter(({ text }) => /oxlint-disable(?!.*-- \S)/.test(text.replaceAll(/'[^']*'|\/[^/\n]+\/\./g, ''))),
    ).toEqual([])
  })
})

describe('migrations', () => {
  test('one that is released is never edited', () => {
    const files = globSync(`${server}db/migrations/[0-9]*.ts`, { cwd: root }).toSorted()
    const now = files.map((file) => `${createHash('sha256').update(read(file)).digest('hex')}  ${file}\n`)
    expect(now.length).toBeGreaterThan(0)
    expect(now.join(''), 'add a new migration, or see CONTRIBUTING.md for one that is not released').toBe(
      read('test/migrations.sha256'),
    )
  })
})

describe('documents', () => {
  test.each(pages.map((page) => [page.path, page] as const))('%s is what the code says', (path, page) => {
    expect(existsSync(join(root, path)), `run \`npm run reference\``).toBe(true)
    expect(read(path) === page.render(), `${path} is out of date: run \`npm run reference\``).toBe(true)
  })

  test('every path in ARCHITECTURE.md is there', () => {
    const bases = ['', 'packages/', 'packages/api/src/', 'packages/cli/src/', 'packages/console/src/', server]
    const named = [...read('ARCHITECTURE.md').matchAll(/`([\w.-]+(?:\/[\w.*-]*)+|[\w-]+\.(?:ts|py|md|json))`/g)].map(
      ([, path]) => path!,
    )
    expect(named.length).toBeGreaterThan(60)
    const missing = named.filter(
      (path) => !bases.some((base) => globSync(base + path.replace(/\/$/, ''), { cwd: root }).length > 0),
    )
    expect(missing).toEqual([])
    expect(read('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(301)
  })

  test('every link leads somewhere', () => {
    const files = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'changes/*.md'], { cwd: root })
    const links = files.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(([, link]) => [file, link!] as const),
    )
    expect(links.length).toBeGreaterThan(30)
    expect(links.filter(([file, link]) => !existsSync(join(root, file, '..', link)))).toEqual([])
  })
})

describe('packages', () => {
  test('every dependency has an exact version', () => {
    const files = ['package.json', ...globSync('packages/*/package.json', { cwd: root })]
    const wanted = files.flatMap((file) => {
      const { dependencies, devDependencies } = JSON.parse(read(file)) as Record<string, Record<string, string>>
      return Object.entries({ ...dependencies, ...devDependencies })
    })
    expect(wanted.length).toBeGreaterThan(30)
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  })

  test('the lockfile has all that `npm ci` asks for, on every system', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const optional = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).map((name) => [path, name] as const),
    )
    expect(optional.length).toBeGreaterThan(50)
    const missing = optional.filter(
      ([path, name]) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    )
    expect(missing).toEqual([])
  })

  test('the lockfile names no registry', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/)
  })
})

function under(...folders: string[]): Module[] {
  const found = product.filter(({ path }) => folders.some((folder) => path.startsWith(folder)))
  expect(found.length).toBeGreaterThan(0)
  return found
}

/** Imports of the modules that `wrong` says so of, as pairs of importer and imported. */
function importsOf(
  from: readonly Module[],
  wrong: (to: string, from: string) => boolean,
  counts: (one: Module['imports'][number]) => boolean = () => true,
): [string, string][] {
  return from.flatMap(({ path, imports }) =>
    imports.filter((one) => counts(one) && wrong(one.to, path)).map((one): [string, string] => [path, one.to]),
  )
}

/** Places of the nodes that `wrong` says so of. */
function find(where: readonly Module[], wrong: (node: Node, module: Module) => boolean): string[] {
  return where.flatMap((module) =>
    [...nodesOf(module)].filter((node) => wrong(node, module)).map((node) => placeOf(module, node)),
  )
}

const folderOf = (path: string): string => path.split('/').slice(0, 5).join('/')

/** Modules of ours that must have been loaded before this one. */
function loadsOf({ imports }: Module): string[] {
  return imports
    .filter((one) => !one.typeOnly && !one.dynamic && /^(packages|test|tools|bench)\//.test(one.to))
    .map(({ to }) => to)
}

/** The first cycle, as a list of paths; empty if there is none. */
function findCycle(graph: ReadonlyMap<string, string[]>): string[] {
  const done = new Set<string>()
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return []
    done.add(path)
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path])
      if (cycle.length > 0) return cycle
    }
    return []
  }
  for (const path of graph.keys()) {
    const cycle = visit(path, [])
    if (cycle.length > 0) return cycle
  }
  return []
}
