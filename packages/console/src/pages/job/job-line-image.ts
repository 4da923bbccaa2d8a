import type { JobSpec } from '@nabla/api/job'
import { quote } from '../../parts/quote.ts'
import type { JobFields } from './job-form-body.ts'

type Asked = Pick<JobFields | JobSpec, 'registry' | 'pull' | 'user' | 'entrypoint' | 'shmBytes' | 'build'>

/** The flags that say what a job asks of its image. */
export function imageFlags({ registry, pull, user, entrypoint, shmBytes, build }: Asked): string[] {
  const flag = (name: string, value: string | null | undefined) => (value ? [`--${name} ${quote(value)}`] : [])
  return [
    ...flag('registry', registry),
    ...flag('pull', pull),
    ...flag('user', user),
    ...flag('entrypoint', Array.isArray(entrypoint) ? entrypoint.join(' ') : entrypoint),
    ...flag('shm-size', shmBytes == null ? null : String(shmBytes)),
    ...(build
      ? [
          '--build',
          ...flag('dockerfile', build.dockerfile === 'Dockerfile' ? null : build.dockerfile),
          ...Object.entries(build.args ?? {}).map(([name, value]) => `--build-arg ${quote(`${name}=${value}`)}`),
          ...flag('target', build.target),
          ...flag('push', build.push),
          ...(build.only ? ['--build-only'] : []),
        ]
      : []),
  ]
}

type Take = (fields: JobFields, value: string) => void

const withBuild = (fields: JobFields, changes: NonNullable<JobFields['build']>) =>
  void (fields.build = { ...fields.build, ...changes })

/** The same flags, read back. */
export const imageFlagReaders: Record<string, Take> = {
  registry: (fields, value) => void (fields.registry = value),
  pull(fields, value) {
    if (value === 'missing' || value === 'always' || value === 'never') fields.pull = value
  },
  user: (fields, value) => void (fields.user = value),
  entrypoint: (fields, value) =>
    void (fields.entrypoint = value === 'image' ? value : value.split(/\s+/).filter(Boolean)),
  'shm-size'(fields, value) {
    const bytes = readSize(value)
    if (bytes !== undefined) fields.shmBytes = bytes
  },
  dockerfile: (fields, dockerfile) => withBuild(fields, { dockerfile }),
  'build-arg'(fields, value) {
    const at = value.indexOf('=')
    const [name, given] = at === -1 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)]
    withBuild(fields, { args: { ...fields.build?.args, [name]: given } })
  },
  target: (fields, target) => withBuild(fields, { target }),
  push: (fields, push) => withBuild(fields, { push }),
}

export const imageSwitches: Record<string, (fields: JobFields) => void> = {
  build: (fields) => withBuild(fields, {}),
  'build-only': (fields) => withBuild(fields, { only: true }),
}

const units: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9, KI: 2 ** 10, MI: 2 ** 20, GI: 2 ** 30 }

/** `64MiB`, `1GB`, `65536`, as the CLI reads them. */
function readSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMG]i?)?B?$/i.exec(text.trim()) ?? []
  return number === undefined ? undefined : Math.round(Number(number) * (units[unit.toUpperCase()] ?? 1))
}
