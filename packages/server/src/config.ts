import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { AppError } from './lib/app-error.ts'

const machineTypeConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,40}$/)
    .describe('What a job asks for.'),
  engine: z.string().default('process').describe('The engine that runs its jobs.'),
  cpus: z.number().positive().describe('Processor cores; 0.5 is half of one.'),
  memoryBytes: z.number().int().positive().describe('Memory of one job.'),
  gpus: z.number().int().min(0).default(0).describe('GPUs that are one job’s alone.'),
  images: z
    .array(z.string().min(1).max(500))
    .max(50)
    .default([])
    .describe('Images that are fetched before a job asks for them.'),
  pricePerHour: z
    .number()
    .min(0)
    .max(1e9)
    .optional()
    .describe('What an hour of it costs, in a currency of yours: searches can have a limit in it.'),
})

export type MachineTypeConfig = z.infer<typeof machineTypeConfig>

const s3Config = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .describe('Address of the store, such as `https://s3.eu-central-1.amazonaws.com`; the bucket goes into the path.'),
  region: z.string().min(1).default('us-east-1').describe('Region that requests are signed for.'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,62}$/)
    .optional()
    .describe('Bucket, which must be there already; needed for `store: s3`.'),
  prefix: z
    .string()
    .regex(/^([a-z0-9][a-z0-9._-]*\/)*$/, 'lower case, and ends with a slash')
    .max(200)
    .default('')
    .describe('In front of every key, such as `nabla/`: several servers can share a bucket.'),
  accessKeyId: z.string().min(1).optional().describe('Access key; or in `credentialsFile`.'),
  secretAccessKey: z.string().min(1).optional().describe('Its secret; better in `credentialsFile`.'),
  sessionToken: z.string().min(1).optional().describe('With keys that are good for a while only.'),
  credentialsFile: z
    .string()
    .optional()
    .describe(
      'File with `aws_access_key_id = …` and `aws_secret_access_key = …` under `[default]`, as of the AWS tools.',
    ),
})

export type S3Config = z.infer<typeof s3Config>

const ulimitName = z.enum([
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'sigpending',
  'stack',
])

const dockerConfig = z.strictObject({
  socket: z
    .string()
    .regex(/^(unix:\/\/)?\//, 'the path of a socket')
    .transform((text) => text.replace(/^unix:\/\//, ''))
    .optional()
    .describe('Socket of Docker or Podman. Left out: `DOCKER_HOST`, then the usual places, with and without root.'),
  runtime: z
    .string()
    .optional()
    .describe('OCI runtime, such as `runc` or `runsc`; the default of the engine if left out.'),
  ulimits: z
    .partialRecord(ulimitName, z.strictObject({ soft: z.number().int().min(-1), hard: z.number().int().min(-1) }))
    .default({})
    .describe(
      'Limits of each container, beside `core: 0`, `nofile` and `nproc`, which stay inside those of the server.',
    ),
  pull: z
    .enum(['missing', 'always', 'never'])
    .default('missing')
    .describe('When images are fetched: those that are not here, before each task, or never.'),
  images: z
    .strictObject({
      keepDays: z.number().positive().nullable().default(30).describe('Images that no job has used for so long go.'),
      maxBytes: z
        .number()
        .int()
        .min(0)
        .nullable()
        .default(null)
        .describe('When images take more than this together, the ones that were used longest ago go.'),
      which: z
        .enum(['ours', 'all'])
        .default('ours')
        .describe('`ours`: only images that were fetched or built for jobs. `all`: all that Docker or Podman has.'),
    })
    .prefault({})
    .describe('Which images stay. Never goes what a container uses, and what a machine type or project wants.'),
  gpus: z
    .enum(['cdi', 'nvidia'])
    .optional()
    .describe(
      'How containers get GPUs: by descriptions of devices, or by the runtime of NVIDIA. Found out if left out.',
    ),
})

export type DockerConfig = z.infer<typeof dockerConfig>

/** Every setting of the server. `nabla up` takes the common ones as options; all can stand in `nabla.yaml`. */
export const configSchema = z.strictObject({
  data: z.string().describe('Folder that holds everything the server keeps.'),
  host: z.string().default('127.0.0.1').describe('Address to listen on; loopback unless told otherwise.'),
  port: z.number().int().min(0).max(65_535).default(7070).describe('Port to listen on; 0 takes a free one.'),
  contentUrl: z
    .string()
    .regex(/^https?:\/\/[^/?#@]+\/?$/, 'an address such as https://content.example.com')
    .refine((text) => URL.canParse(text), 'an address such as https://content.example.com')
    .optional()
    .describe(
      'Address at which browsers find files that users made, when the server stands behind a proxy. It must lead here, and not be that of the console.',
    ),
  contentPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe(
      'Second port, which has only such files; for browsers on other machines. 0: none. One above `port` if left out, where the server listens for others.',
    ),
  proxyUrl: z
    .string()
    .regex(/^https?:\/\/\*\.[^/?#@*]+\/?$/, 'an address such as https://*.apps.example.com')
    .refine((text) => URL.canParse(text.replace('*.', '')), 'an address such as https://*.apps.example.com')
    .optional()
    .describe(
      'Addresses at which browsers find what jobs and notebooks serve, each with a name in place of the `*`. They must all lead here. Left out: only browsers on this machine, or at an SSH tunnel to it, can open them.',
    ),
  allowHosts: z.array(z.string()).default([]).describe('Further host names that the server answers to.'),
  database: z
    .string()
    .regex(/^(sqlite|postgres(ql)?:\/\/.+)$/, '`sqlite` or a postgres:// address')
    .default('sqlite')
    .describe('`sqlite`: a file in the data folder. Or the address of a PostgreSQL database.'),
  store: z
    .enum(['folder', 's3'])
    .default('folder')
    .describe('Where files that never change are kept: `folder`, in the data folder, or `s3`, in a bucket.'),
  s3: s3Config.optional().describe('The bucket for `store: s3`, and for backups to `s3://…`.'),
  treeCacheBytes: z
    .number()
    .int()
    .min(0)
    .default(64 * 2 ** 30)
    .describe('Space for workspaces and data sets that are kept ready for the next job, beside those in use.'),
  fetchHosts: z
    .array(z.string())
    .default([])
    .describe(
      'Hosts of the private network, or of this machine, that data sets may be fetched from: `minio.lan`, `10.0.0.5:9000`, or `*` for all.',
    ),
  engines: z
    .array(z.enum(['process', 'docker', 'fake']))
    .min(1)
    .default(['process'])
    .refine((names) => new Set(names).size === names.length, 'each engine once')
    .describe(
      'Engines that run tasks: `process` on the machine itself, `docker` in containers of Docker or Podman. `fake` pretends, for trying things out.',
    ),
  docker: dockerConfig.prefault({}).describe('For the engine `docker`.'),
  python: z.string().optional().describe('Python interpreter for the process engine; python3 of the PATH if left out.'),
  machineTypes: z
    .array(machineTypeConfig)
    .default([])
    .describe('Machine types of this server; slices of the machine are made up if there are none.'),
  defaultMachineType: z.string().optional().describe('Machine type of jobs that name none.'),
  gradient: z
    .strictObject({
      machineTypes: z
        .record(z.string().min(1).max(60), z.string().min(1).max(60))
        .default({})
        .describe('What machine types of Gradient mean here, such as `P4000: G1`; the nearest if left out.'),
      containers: z
        .record(z.string().min(1).max(500), z.string().min(1).max(500))
        .default({})
        .describe(
          'What its containers mean here: an image, or `host`. Names may end in a star, such as `paperspace/*: host`.',
        ),
    })
    .prefault({})
    .describe('For clients of Gradient.'),
  securePort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe('Port over which clients of Gradient read metrics, with TLS, once one is set up. 0 takes a free one.'),
  cpuOvercommit: z.number().min(1).max(100).default(1).describe('How many times the processors may be given out.'),
  accessLog: z
    .string()
    .min(1)
    .optional()
    .describe('File to which a line of JSON is added for each request to a deployment; none if left out.'),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('How much the server says about itself, on standard error; `nabla up` takes `warn`.'),
})

export type Config = z.output<typeof configSchema> & {
  /** The environment of the server itself: engines read PATH, HOME, proxies and certificates from it. */
  hostEnv: Record<string, string | undefined>
}

/** Settings from the environment: each is `NABLA_` and the name of the setting in capitals. */
export const settingVariables = {
  NABLA_DATA: 'data',
  NABLA_HOST: 'host',
  NABLA_PORT: 'port',
  NABLA_DATABASE: 'database',
  NABLA_PYTHON: 'python',
  NABLA_LOG_LEVEL: 'logLevel',
  NABLA_STORE: 'store',
  NABLA_S3_ENDPOINT: 's3.endpoint',
  NABLA_S3_REGION: 's3.region',
  NABLA_S3_BUCKET: 's3.bucket',
  NABLA_S3_PREFIX: 's3.prefix',
  NABLA_S3_ACCESS_KEY_ID: 's3.accessKeyId',
  NABLA_S3_SECRET_ACCESS_KEY: 's3.secretAccessKey',
  NABLA_S3_SESSION_TOKEN: 's3.sessionToken',
  NABLA_S3_CREDENTIALS_FILE: 's3.credentialsFile',
} as const

/** Where the server keeps its data when nobody says otherwise. */
export const defaultDataDir = (): string => join(homedir(), '.nabla', 'data')

/**
 * Puts together the settings: `given` (options of the command line, then the settings file) goes before the
 * environment, and that before the defaults. Throws AppError `invalid_settings` naming all settings that are wrong.
 */
export function loadConfig(given: Record<string, unknown>, environment: NodeJS.ProcessEnv = process.env): Config {
  const settings: Record<string, unknown> = { data: defaultDataDir(), ...fromEnvironment(environment) }
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined)
      settings[name] = name === 's3' ? { ...asRecord(settings[name]), ...asRecord(value) } : value
  }
  const parsed = configSchema.safeParse(settings)
  if (!parsed.success) {
    throw new AppError('invalid_settings', { detail: parsed.error.issues.map(wordIssue).join('\n') })
  }
  if (parsed.data.store === 's3' && !parsed.data.s3?.bucket) {
    const detail = 'The settings s3.endpoint and s3.bucket are needed, since `store` is s3.'
    throw new AppError('invalid_settings', { detail })
  }
  return { ...parsed.data, data: resolve(parsed.data.data), hostEnv: environment }
}

function wordIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `There is no setting ${[...issue.path, key].join('.')}.`).join('\n')
  }
  return `The setting ${issue.path.join('.')} is wrong: ${issue.message}.`
}

/** A name with a dot is that of a setting inside another. */
function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const [variable, name] of Object.entries(settingVariables)) {
    const value = environment[variable]
    if (value === undefined || value === '') continue
    const [outer = '', inner] = name.split('.')
    if (inner !== undefined) settings[outer] = { ...asRecord(settings[outer]), [inner]: value }
    else settings[outer] = outer === 'port' ? Number(value) : value
  }
  return settings
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
