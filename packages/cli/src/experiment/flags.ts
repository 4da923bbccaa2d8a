import { experimentSchemes } from '@nabla/api/experiment'
import { type Flag, flag, inSection, type ValuesOf } from '../flags.ts'
import { jobFlags } from '../job/flags.ts'

/** The options of one role: `--worker-command`, `--worker-count` and so on. */
function roleFlags(what: string) {
  return {
    Command: flag.text('line', `what each ${what} runs, as a shell line`),
    Count: flag.whole('count', `how many of them`, { fallback: '1' }),
    MachineType: flag.text('type', `machine type of a ${what}`, { fallback: '--machine-type' }),
    Image: flag.text('image', `image of a ${what}`, { fallback: '--image' }),
  }
}

type RoleFlags = ReturnType<typeof roleFlags>
type Prefixed<Prefix extends string> = { [Name in keyof RoleFlags as `${Prefix}${Name}`]: RoleFlags[Name] }

function prefixed<Prefix extends string>(prefix: Prefix, what: string): Prefixed<Prefix> {
  const entries = Object.entries(roleFlags(what)).map(([name, one]): [string, Flag] => [`${prefix}${name}`, one])
  return Object.fromEntries(entries) as Prefixed<Prefix>
}

const { registryUsername, registryPasswordStdin, registryPasswordFromEnv, dryRun, ...common } = jobFlags
const leftOut = { registryUsername, registryPasswordStdin, registryPasswordFromEnv, dryRun }

/** Those of a job that an experiment has not, at the values of not having been given. */
export const notGiven: { [Name in Exclude<keyof typeof leftOut, 'dryRun'>]: undefined | false } = {
  registryUsername: undefined,
  registryPasswordStdin: false,
  registryPasswordFromEnv: undefined,
}

/** The options that describe an experiment, shared by `create` and `run`. */
export const experimentFlags = {
  file: flag.text('file', 'read it from a YAML file; options go before what it says', {
    short: 'f',
    completes: 'file',
  }),
  createOptionsFile: flag.text('file', 'write such a file of these options, and do nothing else', {
    completes: 'file',
  }),
  dryRun: flag.on('only check it, and show what would be asked for'),
  note: flag.text('text', 'a note, in Markdown'),
  ...common,
  ...inSection('Nodes', {
    scheme: flag.oneOf(Object.keys(experimentSchemes), 'how nodes find each other', { fallback: 'by the roles' }),
    startLimit: flag.duration('how long nodes may take from their places to their commands', { fallback: '30m' }),
    ...prefixed('worker', 'worker'),
    ...prefixed('ps', 'parameter server'),
    ...prefixed('master', 'master'),
  }),
}

export type ExperimentFlags = ValuesOf<typeof experimentFlags>

export const roleNames = ['worker', 'ps', 'master'] as const
