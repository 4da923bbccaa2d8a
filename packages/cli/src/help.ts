import { type Command, type Example, type Group, isGroup } from './command.ts'
import { type Arg, type Flag, type Flags, kebab } from './flags.ts'
import type { Output } from './terminal/output.ts'
import { widthOf } from './terminal/terminal-width.ts'
import { wrap } from './terminal/terminal-width.ts'

/** Options that every command takes. */
export const globalFlags: Record<string, Flag> = {
  url: { about: 'address of the server (NABLA_URL)', value: 'address', parse: String },
  key: { about: 'API key (NABLA_API_KEY)', value: 'key', parse: String },
  json: { about: 'print JSON, for scripts', parse: String },
  quiet: { about: 'print results and errors only', short: 'q', parse: String },
}

/** How help looks: its width, and its colours if it has any. */
export type HelpLook = Pick<Output, 'style' | 'width'>

/** Rows under a heading. */
export interface Section {
  title: string
  rows: readonly (readonly [string, string])[]
}

/** What every help page ends with. */
export const globalSection: Section = {
  title: 'Everywhere',
  rows: flagRows({ ...globalFlags, help: { about: 'show this help', short: 'h', parse: String } }),
}

/** The help of a command or a group. `path`: the words that lead to it, such as `nabla job`. */
export function renderHelp(path: string, node: Command | Group, look: HelpLook): string {
  if (isGroup(node)) {
    const rows = node.commands.map(({ name, about }) => [name, about] as const)
    return renderPage(`${path} <command> …`, node.about, [{ title: 'Commands', rows }], look)
  }
  const args = argRows(node)
  const sections = [...(args.length > 0 ? [{ title: 'Arguments', rows: args }] : []), ...flagSections(node.flags)]
  const about = node.details ? `${node.about}\n\n${node.details.trim()}` : node.about
  return renderPage(`${path} ${usageOf(node)}`, about, sections, look, node.examples)
}

/** A page of help: usage, what it does, tables, examples, and the options that every command has. */
export function renderPage(
  usage: string,
  about: string,
  sections: readonly Section[],
  look: HelpLook,
  examples: readonly Example[] = [],
): string {
  const all = [...sections, globalSection]
  const column = Math.min(30, Math.max(...all.flatMap(({ rows }) => rows.map(([term]) => widthOf(term)))))
  const tables = sections.map((section) => renderSection(section, column, look))
  const parts = [
    `${look.style('bold', 'Usage:')} ${usage}`,
    about
      .split('\n\n')
      .map((paragraph) => wrap(paragraph, widthOfPage(look)).join('\n'))
      .join('\n\n'),
    ...tables,
    ...(examples.length > 0 ? [renderExamples(examples, look)] : []),
    renderSection(globalSection, column, look),
  ]
  return `${parts.join('\n\n')}\n`
}

/** The usage of a command, after its name: `[options] <job> [glob…]`. */
export function usageOf(command: Command): string {
  const words = Object.entries(command.args).flatMap(([name, one]) =>
    one.afterDashes ? ['--', placeholder(name, one)] : [placeholder(name, one)],
  )
  return ['[options]', ...words].join(' ')
}

/** Arguments as rows of a table. */
export function argRows({ args }: Command): (readonly [string, string])[] {
  return Object.entries(args).map(([name, one]) => [placeholder(name, one), one.about] as const)
}

/** Flags as rows of a table, under the headings that they name. */
export function flagSections(flags: Flags): Section[] {
  const titles = [...new Set(Object.values(flags).map(({ section }) => section ?? 'Options'))]
  return titles.map((title) => {
    const inIt = Object.entries(flags).filter(([, { section }]) => (section ?? 'Options') === title)
    return { title, rows: flagRows(Object.fromEntries(inIt)) }
  })
}

function placeholder(name: string, { required, many }: Arg): string {
  const word = `${kebab(name)}${many ? '…' : ''}`
  return required ? `<${word}>` : `[${word}]`
}

function flagRows(flags: Flags): (readonly [string, string])[] {
  return Object.entries(flags).map(([name, one]) => [flagTerm(name, one), flagAbout(one)] as const)
}

/** How a flag is written: `-q, --quiet`, `--tag <text>…`. */
function flagTerm(name: string, { short, value, many }: Flag): string {
  const dashes = short ? `-${short}, ` : ''
  return `${dashes}--${kebab(name)}${value ? ` <${value}>` : ''}${many ? '…' : ''}`
}

/** What the help says of a flag, with what happens without it. */
function flagAbout({ about, choices, value, fallback }: Flag): string {
  const notes = [
    ...(choices && !value?.includes('|') ? [`one of ${choices.join(', ')}`] : []),
    ...(fallback ? [`default: ${fallback}`] : []),
  ]
  return notes.length > 0 ? `${about} (${notes.join('; ')})` : about
}

function renderSection({ title, rows }: Section, column: number, look: HelpLook): string {
  const width = widthOfPage(look)
  const lines = rows.map(([term, about]) => {
    const painted = `  ${look.style('cyan', term)}`
    const indent = ' '.repeat(column + 4)
    const wrapped = wrap(about, Math.max(24, width - column - 4)).join(`\n${indent}`)
    const size = widthOf(term)
    return size > column ? `${painted}\n${indent}${wrapped}` : `${painted}${' '.repeat(column + 2 - size)}${wrapped}`
  })
  return `${look.style('bold', `${title}:`)}\n${lines.join('\n')}`
}

/** Line and explanation side by side, or above each other where that is too wide. */
function renderExamples(examples: readonly Example[], look: HelpLook): string {
  const longest = Math.max(...examples.map(({ line }) => line.length))
  const stacked = examples.some(({ about }) => longest + about.length + 14 > widthOfPage(look))
  const lines = examples.map(({ line, about }) => {
    const remark = look.style('dim', `# ${about}`)
    return stacked ? `  ${remark}\n  nabla ${line}` : `  nabla ${line.padEnd(longest)}   ${remark}`
  })
  return `${look.style('bold', 'Examples:')}\n${lines.join('\n')}`
}

/** Lines longer than this are hard to read, however wide the terminal is. */
const widthOfPage = (look: HelpLook): number => Math.min(look.width ?? 80, 100)
