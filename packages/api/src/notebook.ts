import { z } from 'zod'
import { displayName, flag, id, programText, tags, time, variableName } from './fields.ts'
import { imageFields } from './job-image.ts'
import { logBlock, logLine, logSource } from './log.ts'
import { metricFollow, metricQuery, metricRange, metricTick } from './metric.ts'
import { notebookFileRoutes } from './notebook-files.ts'
import { notebookLimits, type NotebookState, notebookStates } from './notebook-state.ts'
import { registryLogin } from './registry.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { openServed, servedLink } from './served.ts'
import { workspaceSource } from './workspace.ts'

export * from './notebook-files.ts'
export * from './notebook-state.ts'

export const notebookState = z.enum(Object.keys(notebookStates) as [NotebookState, ...NotebookState[]])

const seconds = z.number().int().min(60).max(31_536_000)

/** What may be different at each start. */
const specFields = {
  machineType: z.string().max(100).optional().describe('See `nabla machine-type list`.'),
  image: programText
    .min(1)
    .max(500)
    .describe('An image that carries Jupyter. `host`: this machine, with a Jupyter that Nabla keeps.'),
  registry: imageFields.registry,
  user: imageFields.user,
  shmBytes: imageFields.shmBytes,
  command: programText
    .min(1)
    .max(10_000)
    .nullable()
    .describe('A shell command line instead of JupyterLab; it has to listen as `/generated/jupyter_config.py` says.'),
  env: z
    .record(variableName, programText.max(65_536))
    .describe('Environment variables. A value `secret:NAME` is replaced by that secret.'),
  packages: z
    .array(
      programText
        .min(1)
        .max(1000)
        .regex(/^[^\r\n-][^\r\n]*$/, 'one line of a requirements file, no option'),
    )
    .max(notebookLimits.packages)
    .describe('Python packages that it has from the start, each as in a requirements file.'),
  idleLimitSeconds: seconds.nullable().describe('It stops when it was not used for so long. Null: never for that.'),
  timeLimitSeconds: seconds.nullable().describe('It stops after so long, used or not. Null: never for that.'),
}

/** What a notebook is made of. Everything has a default. */
export const notebookSpec = z
  .strictObject({
    ...specFields,
    image: specFields.image.default('host'),
    registry: specFields.registry.default(null),
    user: specFields.user.default(null),
    shmBytes: specFields.shmBytes.default(null),
    command: specFields.command.default(null),
    env: specFields.env.default({}),
    packages: specFields.packages.default([]),
    idleLimitSeconds: specFields.idleLimitSeconds.default(notebookLimits.idleLimitSeconds),
    timeLimitSeconds: specFields.timeLimitSeconds.default(null),
  })
  .meta({ id: 'NotebookSpec' })

export type NotebookSpec = z.output<typeof notebookSpec>

export const notebookPhase = z
  .object({
    name: z.enum(['queue', 'files', 'image', 'container', 'environment', 'jupyter', 'ready']),
    startedAt: time,
    endedAt: time.nullable(),
    detail: z.string().optional(),
  })
  .meta({ id: 'NotebookPhase' })

export type NotebookPhase = z.infer<typeof notebookPhase>

/** What goes on in it, as it was seen last. */
export const notebookActivity = z
  .object({
    at: time,
    kernels: z.number().int(),
    busyKernels: z.number().int().describe('Those that compute.'),
    terminals: z.number().int(),
    busyTerminals: z.number().int().describe('Those in which a program runs.'),
    connections: z.number().int().describe('Browsers and programs that are connected.'),
    busyGpus: z.number().int().describe('GPUs of it that are in use.'),
  })
  .meta({ id: 'NotebookActivity' })

export type NotebookActivity = z.infer<typeof notebookActivity>

export const notebook = z
  .object({
    id,
    name: displayName,
    project: z.object({ id, name: displayName }),
    state: notebookState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    queue: z
      .object({ position: z.number().int().describe('1 is next.'), why: z.string() })
      .nullable()
      .describe('Its place in the queue and what it waits for; null unless pending.'),
    session: z.number().int().describe('How often it has been started; the version of a session has its number.'),
    phases: z.array(notebookPhase).describe('What the last session went through, in order.'),
    spec: notebookSpec,
    machineType: z.string(),
    address: z.string().nullable().describe('Stays the same for ever. Null: your browser has no way there.'),
    lastActivityAt: time.nullable(),
    activity: notebookActivity.nullable(),
    warnedAt: time.nullable().describe('When it was said that it is about to stop; null: it is not.'),
    stopsAt: time.nullable().describe('When it will stop, by what is known now. Null: it will not by itself.'),
    extendedUntil: time.nullable().describe('Until then it does not stop for want of use.'),
    savedVersion: z.number().int().nullable().describe('The newest version of its files.'),
    rebuilds: z.boolean().describe('The next start makes its environment anew.'),
    share: z.string().nullable().describe('What its public view is called; null: there is none.'),
    tags,
    createdBy: z.object({ id, name: displayName }),
    parentNotebookId: id.nullable().describe('The notebook that it is a fork of.'),
    fromJobId: id.nullable().describe('The job whose workspace it began with.'),
    stopRequestedAt: time.nullable(),
    createdAt: time,
    startRequestedAt: time.nullable().describe('Of the last session, like all that follow.'),
    startedAt: time.nullable(),
    readyAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Notebook' })

export type Notebook = z.infer<typeof notebook>

/** A row of a list. */
export const notebookSummary = notebook.omit({ spec: true, phases: true, queue: true }).meta({ id: 'NotebookSummary' })

export type NotebookSummary = z.infer<typeof notebookSummary>

const projectField = z
  .string()
  .min(1)
  .max(200)
  .describe('Name or id of the project; a name that is not there yet makes the project.')

export const createNotebook = z.strictObject({
  ...notebookSpec.shape,
  name: displayName.optional().describe('Made up if left out. No other notebook of the project has it.'),
  project: projectField,
  workspace: workspaceSource.default({ from: 'nothing' }).describe('The files that it begins with.'),
  fromJob: z.string().min(1).max(200).optional().describe('Instead: the workspace of this job.'),
  tags: tags.default([]),
  start: z.boolean().default(true).describe('Whether it starts at once.'),
  registryLogin: registryLogin.optional().describe('For the registry of its image. It is kept sealed, and not shown.'),
})

export const byNotebook = z.object({
  notebook: z.string().min(1).max(200).describe('Id or name of the notebook; a name means its newest.'),
})

const { machineType: _, ...changeable } = specFields

const startErrors = ['not_found', 'unknown_machine_type', 'image_not_supported', 'unknown_secret', 'conflict'] as const

export const notebookRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/notebooks',
    about: 'The notebooks of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
      state: z
        .union([notebookState, z.array(notebookState).min(1).max(10)])
        .optional()
        .describe('Only those in this state; may be given several times.'),
      tag: z.string().max(60).optional().describe('Only those with this tag.'),
      name: z.string().max(100).optional().describe('Only those whose name begins so.'),
    }),
    response: pageOf(notebookSummary),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/notebooks',
    about: 'Makes a notebook and starts it. Once this has answered, it is stored.',
    access: 'member',
    body: createNotebook,
    response: notebook,
    errors: [...startErrors, 'name_taken', 'unknown_registry'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook',
    about: 'One notebook.',
    access: 'member',
    params: byNotebook,
    response: notebook,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/notebooks/:notebook',
    about: 'Renames a notebook, replaces its tags, or changes what holds from now on or from its next start.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject(changeable).partial().extend({ name: displayName.optional(), tags: tags.optional() }),
    response: notebook,
    errors: ['not_found', 'name_taken', 'unknown_secret', 'image_not_supported', 'conflict'],
  }),
  wait: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/wait',
    about: 'Answers when the notebook is in one of these states, or with what it is after `seconds`.',
    access: 'member',
    params: byNotebook,
    query: z.object({
      state: z
        .union([notebookState, z.array(notebookState).min(1).max(10)])
        .optional()
        .describe('Running, stopped or error, if left out.'),
      seconds: z.coerce.number().min(0).max(60).default(30),
    }),
    response: notebook,
    errors: ['not_found'],
  }),
  start: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/start',
    about: 'Starts a notebook, on another machine type if you like. Nothing happens if it has been started.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject({
      machineType: z.string().max(100).optional().describe('Another one from now on.'),
      rebuild: z.boolean().default(false).describe('Makes its environment anew, of the packages that it had.'),
    }),
    response: notebook,
    errors: startErrors,
  }),
  stop: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/stop',
    about: 'Stops a notebook. Files and packages are kept; what only a kernel knows is gone.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject({ graceSeconds: z.number().min(0).max(3600).default(10) }),
    response: notebook,
    errors: ['not_found'],
  }),
  extend: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/extend',
    about: 'Lets a notebook run on for so long, though nobody uses it; a hard limit is moved as far.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject({ seconds: seconds.max(7 * 86_400).default(3600) }),
    response: notebook,
    errors: ['not_found', 'conflict'],
  }),
  fork: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/fork',
    about: 'Makes another notebook with the files and packages of this one, or of a version; never with its secrets.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject({
      name: displayName.optional(),
      project: projectField.optional(),
      version: z.number().int().min(1).optional().describe('The files as they are now, if left out.'),
      machineType: z.string().max(100).optional(),
      start: z.boolean().default(false),
    }),
    response: notebook,
    errors: [...startErrors, 'name_taken', 'disk_full'],
  }),
  rebuild: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/rebuild',
    about: 'The next start makes the environment anew, of the packages that were asked for.',
    access: 'member',
    params: byNotebook,
    response: notebook,
    errors: ['not_found', 'conflict'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/notebooks/:notebook',
    about: 'Deletes a notebook with its files, packages, versions and log.',
    access: 'member',
    params: byNotebook,
    query: z.object({ force: flag.default(false).describe('Also one that runs: it is killed.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/open',
    about: 'An address at which a browser opens it, signed in; and what other clients of Jupyter need.',
    access: 'member',
    params: byNotebook,
    body: openServed.extend({ path: openServed.shape.path.default('/lab') }),
    response: servedLink,
    errors: ['not_found', 'no_served_origin'],
  }),
  packages: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/packages',
    about: 'Python packages that were installed in the notebook, beside those that every notebook has.',
    access: 'member',
    params: byNotebook,
    response: z.object({
      items: z.array(
        z.object({
          name: z.string(),
          version: z.string(),
          requested: z.boolean().describe('Somebody asked for it; the others came with one that was asked for.'),
          source: z.string().nullable().describe('Where it came from, if it was no package index.'),
        }),
      ),
      python: z.string().nullable().describe('Version of Python that they are for.'),
    }),
    errors: ['not_found'],
  }),
  logs: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/logs',
    about: 'Lines of the log of all sessions, oldest first.',
    access: 'member',
    params: byNotebook,
    query: z.object({
      after: z.coerce.number().int().min(0).optional().describe('Only lines with a greater `seq`.'),
      source: logSource.optional(),
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
      tail: z.coerce.number().int().min(0).max(10_000).optional().describe('The last lines instead.'),
    }),
    response: z.object({
      items: z.array(logLine),
      next: z.number().int().describe('Pass it as `after` for what follows.'),
      last: z.number().int().describe('Number of the last line there is.'),
    }),
    errors: ['not_found'],
  }),
  followLogs: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/logs/stream',
    about: 'The log as it is written, until the session ends. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byNotebook,
    query: z.object({
      after: z.coerce.number().int().min(0).optional().describe('Only lines with a greater `seq`.'),
      source: logSource.optional(),
    }),
    response: { stream: 'events', event: logBlock },
    errors: ['not_found'],
  }),
  metrics: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/metrics',
    about: 'What the notebook used over time: processor, memory, disk, network and GPUs.',
    access: 'member',
    params: byNotebook,
    query: metricQuery,
    response: metricRange,
    errors: ['not_found'],
  }),
  followMetrics: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/metrics/stream',
    about: 'What the notebook uses, as it is measured, until the session ends. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byNotebook,
    query: metricFollow,
    response: { stream: 'events', event: metricTick },
    errors: ['not_found'],
  }),
  ...notebookFileRoutes,
}
