import { expect, test } from 'vitest'
import { type Command, isGroup, loadAll, type WholeGroup } from '../packages/cli/src/command.ts'
import { entries } from '../packages/cli/src/commands/index.ts'
import { kebab } from '../packages/cli/src/flags.ts'
import { globalFlags } from '../packages/cli/src/help.ts'
import { type Node, nodesOf, placeOf, readModules } from './sources.ts'

/** What the console says that the command line does as well, the command line does: the command is there, with its flags. */

/** Stands where a line has something that is known only when it is shown. */
const blank = '\u0000'

/** There a command is what a job runs, or what is to be put together. */
const others = /-(line|samples|document)\.ts$|\/text-panel\.tsx$/

const modules = readModules().filter(
  ({ path, forTests }) => path.startsWith('packages/console/src/') && !forTests && !others.test(path),
)
const top = new Map<string, Command | WholeGroup>()
for (const entry of entries) top.set(entry.name, await loadAll(entry))

const lines = modules.flatMap((module) =>
  [...nodesOf(module)]
    .flatMap((node) => linesOf(node).map((line) => ({ place: placeOf(module, node), line })))
    // What stands for the command of a job that is still to be said.
    .filter(({ line }) => line !== '' && line !== 'x'),
)

test('there is something to look at', () => {
  expect(lines.length).toBeGreaterThan(150)
  expect(mistakeIn('job lits')).toBe('no such command')
  expect(mistakeIn('job list --status running')).toBe('no flag --status')
  expect(mistakeIn('job list --state running')).toBeUndefined()
})

test('every command line that the console shows is one', () => {
  const wrong = lines.flatMap(({ place, line }) => {
    const mistake = mistakeIn(line)
    return mistake === undefined ? [] : [`${place}: ${line.replaceAll(blank, '…')}: ${mistake}`]
  })
  expect(wrong).toEqual([])
})

/** What the CLI would refuse of a line, as far as that can be told. */
function mistakeIn(line: string): string | undefined {
  // What follows a word at once begins with a space of its own, or is nothing.
  const words = line.split(/\s+/).map((word) => word.replace(/(?<=.)\u0000$/, ''))
  let node = top.get(words.shift() ?? '')
  while (node && isGroup(node)) {
    const word = words.shift() ?? ''
    // Which of the group's commands it is, is known only when it is shown.
    if (word.includes(blank)) return undefined
    node = node.commands.find(({ name }) => name === word)
  }
  if (!node) return 'no such command'
  const flags = { ...globalFlags, ...node.flags }
  const known = Object.entries(flags).flatMap(([name, { short }]) => [
    `--${kebab(name)}`,
    ...(short ? [`-${short}`] : []),
  ])
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words
  const strange = own.flatMap((word) => /^--?[a-z][a-z-]*/.exec(word) ?? [])
  const unknown = strange.find((flag) => !known.includes(flag))
  return unknown === undefined ? undefined : `no flag ${unknown}`
}

/** The lines that a node gives to `CommandLine`, to an action or to an empty state. */
function linesOf(node: Node): string[] {
  if (node.type !== 'JSXAttribute' && node.type !== 'Property') return []
  const { name } = ((node.type === 'Property' ? node['key'] : node['name']) ?? {}) as { name?: unknown }
  return name === 'command' || name === 'line' ? textsOf(node['value'] as Node | null) : []
}

function textsOf(node: Node | null | undefined): string[] {
  if (!node) return []
  switch (node.type) {
    case 'Literal':
      return typeof node['value'] === 'string' ? [node['value']] : []
    case 'TemplateLiteral':
      return [(node['quasis'] as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join(blank)]
    case 'JSXExpressionContainer':
      return textsOf(node['expression'] as Node)
    case 'ArrowFunctionExpression':
      return textsOf(node['body'] as Node)
    case 'ConditionalExpression':
      return [...textsOf(node['consequent'] as Node), ...textsOf(node['alternate'] as Node)]
    case 'CallExpression':
      return textsOf((node['callee'] as Node)['object'] as Node | undefined)
    case 'ArrayExpression':
      return textsOf((node['elements'] as Node[])[0]).map((text) => `${text} ${blank}`)
    default:
      return []
  }
}
