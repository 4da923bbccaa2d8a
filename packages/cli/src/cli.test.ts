import { describe, expect, test } from 'vitest'
import { type Command, isGroup, isLater, load, loadAll, type WholeGroup } from './command.ts'
import { entries } from './commands/index.ts'
import { kebab } from './flags.ts'
import { widthOf } from './terminal/terminal-width.ts'
import { runCli } from './testing/run-cli.ts'

const nodes = await Promise.all(entries.map(async (entry) => ({ entry, node: await loadAll(entry) })))

/** Every command, with the words that lead to it. */
function commandsOf(node: Command | WholeGroup, path: string[] = [node.name]): [string[], Command][] {
  if (!isGroup(node)) return [[path, node]]
  return node.commands.flatMap((child) => commandsOf(child, [...path, child.name]))
}
const commands = nodes.filter(({ entry }) => entry.group !== 'hidden').flatMap(({ node }) => commandsOf(node))

describe('help', () => {
  test.each([60, 120])('fits %i columns', async (columns) => {
    for (const argv of [[], ['run'], ['job'], ['job', 'logs']]) {
      const { exitCode, stdout } = await runCli([...argv, '--help'], { env: { COLUMNS: String(columns) } })
      expect(exitCode).toBe(0)
      expect(stdout).toMatchSnapshot(`nabla ${argv.join(' ')} at ${columns} columns`)
    }
  })

  test('no line of a table is wider than the terminal', async () => {
    for (const [path] of commands) {
      const { stdout } = await runCli([...path, '--help'], { columns: 80, env: { NO_COLOR: '1' } })
      const tables = stdout.slice(0, stdout.indexOf('Examples:')).split('\n')
      expect(tables.filter((line) => widthOf(line) > 80)).toEqual([])
    }
  })

  test('a terminal that does not know its width has 80 columns', async () => {
    const [unknown, usual] = [
      await runCli(['job', '--help'], { columns: 0 }),
      await runCli(['job', '--help'], { columns: 80 }),
    ]
    expect(unknown.stdout).toBe(usual.stdout)
  })

  test('it is colourful on a terminal, and plain where that is not wanted', async () => {
    const color = '\u001b['
    expect((await runCli(['--help'], { columns: 80 })).stdout).toContain(color)
    expect((await runCli(['--help'])).stdout).not.toContain(color)
    expect((await runCli(['--help'], { columns: 80, env: { NO_COLOR: '1' } })).stdout).not.toContain(color)
    expect((await runCli(['--help'], { columns: 80, env: { TERM: 'dumb' } })).stdout).not.toContain(color)
    expect((await runCli(['--help'], { env: { FORCE_COLOR: '1' } })).stdout).toContain(color)
  })

  test('is the same however it is asked for', async () => {
    const { stdout } = await runCli(['job', 'logs', '--help'])
    for (const argv of [
      ['help', 'job', 'logs'],
      ['job', 'logs', '-h'],
      ['--json', 'job', 'logs', '-h'],
    ]) {
      expect((await runCli(argv)).stdout).toBe(stdout)
    }
    expect((await runCli(['job'])).stdout).toBe((await runCli(['job', '--help'])).stdout)
  })
})

describe('every command', () => {
  test('there are some', () => {
    expect(commands.length).toBeGreaterThan(45)
  })

  test.each(nodes.map(({ entry, node }) => [entry.name, entry, node] as const))(
    '%s is listed as what it is',
    (_, entry, node) => {
      expect([node.name, node.about]).toEqual([entry.name, entry.about])
    },
  )

  test('what is loaded only when it is asked for is listed as what it is', async () => {
    for (const { entry } of nodes) {
      const loaded = await load(entry)
      for (const child of isGroup(loaded) ? loaded.commands.filter(isLater) : []) {
        const { name, about } = await child.load()
        expect({ name, about }).toEqual({ name: child.name, about: child.about })
      }
    }
  })

  test.each(commands.map(([path, command]) => [path.join(' '), path, command] as const))(
    '%s has examples that it understands',
    async (_, path, command) => {
      expect(command.about).toMatch(/^[A-Z].*[^.]$/)
      expect(command.examples.length).toBeGreaterThan(0)
      for (const { line } of command.examples) {
        // The rest may be a command of a shell.
        const words = line.split(/ (?:<|>|&&|\|) /)[0]?.split(' ') ?? []
        const flags = words
          .slice(0, words.indexOf('--') === -1 ? undefined : words.indexOf('--'))
          .filter((word) => word.startsWith('--'))
        const known = [
          ...Object.keys(command.flags).map((name) => `--${kebab(name)}`),
          '--json',
          '--url',
          '--key',
          '--quiet',
        ]
        if (line.startsWith(path.join(' '))) expect(known).toEqual(expect.arrayContaining(flags))
      }
      // A command that stands in two places has the examples of one.
      const places = commands.filter(([, other]) => other === command).map(([place]) => place.join(' '))
      expect(command.examples.some(({ line }) => places.some((place) => line.startsWith(place)))).toBe(true)
    },
  )
})

describe('what is not understood', () => {
  const errors: [string[], string, string][] = [
    [['jbo'], "Unknown command 'jbo'.", 'Did you mean job? Run `nabla --help` to see what there is.'],
    [['job', 'lst'], "Unknown command 'lst'.", 'Did you mean list? Run `nabla job --help` to see what there is.'],
    [
      ['job', 'list', '--limt', '3'],
      "Unknown option '--limt'.",
      'Did you mean --limit? Run `nabla job list --help` to see what there is.',
    ],
    [['job', 'list', '--limit', 'x'], '--limit: "x" is not a whole number.', 'Give digits only.'],
    [
      ['job', 'list', '--state', 'x'],
      '--state cannot be "x".',
      'Choose one of pending, running, succeeded, failed, error, cancelled, preempted.',
    ],
    [['job', 'delete'], "Missing required argument 'job'.", 'Run `nabla job delete --help` to see what there is.'],
    [['run', '--name'], "Option '--name <value>' argument missing.", 'Run `nabla run --help` to see what there is.'],
  ]
  test.each(errors)('%j', async (argv, message, hint) => {
    expect(await runCli(argv)).toEqual({ exitCode: 2, stdout: '', stderr: `error: ${message}\n  ${hint}\n` })
  })

  test('with --json the error is JSON, on standard error', async () => {
    const { exitCode, stdout, stderr } = await runCli(['job', 'list', '--limt', '3', '--json'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage', message: "Unknown option '--limt'." } })
  })

  test('a server that does not answer is said to', async () => {
    const ran = await runCli(['job', 'list'], { env: { NABLA_URL: 'http://127.0.0.1:9' } })
    expect(ran.exitCode).toBe(6)
    expect(ran.stderr).toContain('The server at http://127.0.0.1:9 does not answer.')
  })
})

test('the version is said in one line', async () => {
  expect((await runCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  const long = await runCli(['version', '--json'], { env: { NABLA_URL: 'http://127.0.0.1:9' } })
  expect(JSON.parse(long.stdout)).toMatchObject({ server: null, url: 'http://127.0.0.1:9' })
})
