import { type Command, isGroup, loadAll, type WholeGroup } from '../../packages/cli/src/command.ts'
import { entries } from '../../packages/cli/src/commands/index.ts'
import { argRows, flagSections, globalSection, usageOf } from '../../packages/cli/src/help.ts'
import { code, page, table } from './markdown.ts'

const shown = entries.filter(({ group }) => group !== 'hidden')
const nodes = await Promise.all(shown.map(loadAll))

/** Every command with its arguments, options and examples: from `packages/cli/src/commands/`. */
export function cliPage(): string {
  const overview = shown.map(({ name, about }) => [`[\`nabla ${name}\`](#nabla-${name})`, about])
  return page(
    'Commands',
    'What `nabla --help` shows, and `nabla <command> --help` for each.',
    table(['Command', 'What it does'], overview),
    '## Everywhere',
    'Every command takes these options. With `--json` it prints one JSON value, or one a line where it goes on for as long as something happens; errors are JSON too, on standard error. Results go to standard output, all that is said about them to standard error. Colours obey `NO_COLOR` and `FORCE_COLOR`; progress bars are drawn on terminals only. [Exit codes](exit-codes.md) are stable.',
    table(['Option', 'Meaning'], globalSection.rows.map(asCode)),
    ...nodes.flatMap((node) => describe(node, `nabla ${node.name}`, 2)),
  )
}

function describe(node: Command | WholeGroup, path: string, level: number): string[] {
  const heading = `${'#'.repeat(level)} ${path}`
  if (isGroup(node)) {
    const inside = node.commands.flatMap((child) => describe(child, `${path} ${child.name}`, Math.min(level + 1, 4)))
    return [heading, `${node.about}.`, ...inside]
  }
  const args = argRows(node)
  return [
    heading,
    `${node.about}.`,
    fenced([`${path} ${usageOf(node)}`]),
    ...(node.details ? [node.details.trim()] : []),
    ...(args.length > 0 ? [table(['Argument', 'Meaning'], args.map(asCode))] : []),
    ...flagSections(node.flags).map(({ title, rows }) =>
      table([title === 'Options' ? 'Option' : title, 'Meaning'], rows.map(asCode)),
    ),
    fenced(node.examples.flatMap(({ line, about }) => [`# ${about}`, `nabla ${line}`])),
  ]
}

const asCode = ([term, about]: readonly [string, string]): string[] => [code(term), about]

const fenced = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n')
