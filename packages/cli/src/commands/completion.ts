import { type Command, defineCommand, type Group, isGroup, load } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, type Completes, type Flag, kebab } from '../flags.ts'
import { limits } from '../limits.ts'
import { globalFlags } from '../help.ts'
import { usageError } from '../cli-error.ts'
import { entries } from './index.ts'

/** Each shell asks `nabla __complete` for what could follow, so that there is one place that knows. */
const scripts: Record<string, string> = {
  bash: `_nabla() {
  local current=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == __files__ || $line == "$current"* ]] && COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(nabla __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${COMPREPLY[0]} == __files__ ]]; then COMPREPLY=(); compopt -o default 2>/dev/null; fi
}
complete -F _nabla nabla
`,
  zsh: `#compdef nabla
_nabla() {
  local -a found
  local line
  while IFS= read -r line; do
    found+=("\${line//:/\\\\:}")
  done < <(nabla __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if [[ \${found[1]} == __files__ ]]; then _files; return; fi
  found=("\${found[@]/$'\\t'/:}")
  _describe nabla found
}
if [[ $funcstack[1] == _nabla ]]; then _nabla "$@"; else compdef _nabla nabla; fi
`,
  fish: `function __nabla_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (nabla __complete -- $words[2..-1] 2>/dev/null)
  if test "$found[1]" = __files__
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c nabla -f -a '(__nabla_complete)'
`,
}

const files = '__files__'

export const completion = defineCommand({
  name: 'completion',
  about: 'Print the completion script for your shell',
  args: { shell: arg.required('bash, zsh or fish') },
  examples: [
    { line: 'completion bash > ~/.local/share/bash-completion/completions/nabla', about: 'bash, for good' },
    { line: 'completion zsh > "${fpath[1]}/_nabla"', about: 'zsh, for good' },
    { line: 'completion fish > ~/.config/fish/completions/nabla.fish', about: 'fish, for good' },
  ],
  async run({ out }, { shell }) {
    const script = scripts[shell]
    if (script === undefined) throw usageError(`There is no completion for ${shell}.`, 'Choose bash, zsh or fish.')
    await out.write(script)
  },
})

export const complete = defineCommand({
  name: '__complete',
  about: 'Print what could follow, one a line',
  args: { words: arg.any('the words so far; the last one is being typed') },
  passThrough: true,
  examples: [],
  async run(context, { words }) {
    for (const line of await candidates(context, words)) await context.out.line(line)
  },
})

/** What could stand where the last word is: name, and after a tab what it is. Only what begins as it does. */
export async function candidates(context: Context, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  if (before.includes('--')) return [files]
  const all = await everything(context, before, typed)
  return all.filter((line) => line === files || line.startsWith(typed))
}

async function everything(context: Context, before: readonly string[], typed: string): Promise<string[]> {
  const [first, ...rest] = before.filter((word, index) => !isGlobal(before, index) || !word)
  if (first === undefined) {
    if (typed.startsWith('-')) return flagLines(globalFlags)
    return entries.filter(({ group }) => group !== 'hidden').map(({ name, about }) => `${name}\t${about}`)
  }
  const entry = entries.find(({ name }) => name === first)
  if (!entry) return []
  return inside(context, await entry.load(), rest, typed)
}

async function inside(
  context: Context,
  node: Command | Group,
  before: readonly string[],
  typed: string,
): Promise<string[]> {
  if (isGroup(node)) {
    const [first, ...rest] = before
    if (first === undefined) return node.commands.map(({ name, about }) => `${name}\t${about}`)
    const child = node.commands.find(({ name }) => name === first)
    return child ? inside(context, await load(child), rest, typed) : []
  }
  const flags = { ...node.flags, ...globalFlags }
  const asked = valueAsked(flags, before.at(-1))
  if (asked) return asked.choices ? [...asked.choices] : names(context, asked.completes)
  if (typed.startsWith('-')) return flagLines(flags)
  if (node.name === 'completion') return Object.keys(scripts)
  const given = before.filter((word, index) => !word.startsWith('-') && !valueAsked(flags, before[index - 1])).length
  const declared = Object.values(node.args)
  return names(context, (declared[given] ?? declared.findLast(({ many }) => many))?.completes)
}

/** The flag that the next word is the value of. */
function valueAsked(flags: Record<string, Flag>, word: string | undefined): Flag | undefined {
  if (!word?.startsWith('-')) return undefined
  const found = Object.entries(flags).find(([name, { short }]) => word === `--${kebab(name)}` || word === `-${short}`)
  return found?.[1].value === undefined ? undefined : found[1]
}

function isGlobal(words: readonly string[], index: number): boolean {
  const word = words[index] ?? ''
  return valueAsked(globalFlags, words[index - 1]) !== undefined || Object.keys(globalFlags).includes(word.slice(2))
}

const flagLines = (flags: Record<string, Flag>): string[] => [
  ...Object.entries(flags).map(([name, { about }]) => `--${kebab(name)}\t${about}`),
  '--help\tshow this help',
]

/** Names that the server knows. It gets little time, and its absence means no names, not an error in the prompt. */
async function names(context: Context, what: Completes | undefined): Promise<string[]> {
  if (what === undefined) return []
  if (what === 'file') return [files]
  const client = await context.client()
  const options = { signal: AbortSignal.timeout(limits.completionMs) }
  const lists = {
    job: () => client.job.list({ limit: 50 }, options),
    project: () => client.project.list({ limit: 100 }, options),
    secret: () => client.secret.list({ limit: 200 }, options),
    'machine-type': () => client['machine-type'].list({}, options),
    team: () => client.team.list({ limit: 100 }, options),
    key: () => client.key.list({ limit: 100 }, options),
    dataset: () => client.dataset.list({ limit: 100 }, options),
    model: () => client.model.list({ limit: 100 }, options),
    workflow: () => client.workflow.list({ limit: 100 }, options),
  }
  const page: { items: { name: string; state?: string }[] } = await lists[what]().catch(() => ({ items: [] }))
  return [...new Set(page.items.map(({ name, state }) => (state === undefined ? name : `${name}\t${state}`)))]
}
