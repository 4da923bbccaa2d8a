import { z } from 'zod'
import { displayName, programText, variableName } from './fields.ts'

const image = programText.min(1).max(500)

/** How an image is made of the files of a job, before the command runs in it. */
export const jobBuild = z
  .strictObject({
    dockerfile: programText
      .min(1)
      .max(1000)
      .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'a path in the workspace')
      .default('Dockerfile')
      .describe('Its path in the workspace.'),
    args: z
      .record(variableName, programText.max(65_536))
      .default({})
      .describe('Values of `ARG`. They can be read in the image: nothing secret belongs here.'),
    target: programText.min(1).max(200).nullable().default(null).describe('Stage to build; null: the last one.'),
    push: image.nullable().default(null).describe('Where the image is sent to, such as `ghcr.io/me/train:1`.'),
    only: z.boolean().default(false).describe('The command does not run: the job ends when the image is there.'),
  })
  .meta({ id: 'JobBuild' })

export type JobBuild = z.output<typeof jobBuild>

/** What only jobs that run in an image have, before defaults. */
export const imageFields = {
  registry: displayName
    .nullable()
    .describe('Name of the registry whose stored login is used; null: one for the host of the image, if there is any.'),
  pull: z
    .enum(['missing', 'always', 'never'])
    .nullable()
    .describe('When the image is fetched: if it is not here, always, or never. Null: as the server is set.'),
  user: programText
    .min(1)
    .max(200)
    .regex(/^[^\s]+$/, 'a name or number, with a group after a colon')
    .nullable()
    .describe('User in the image, with a group after a colon. Null: root, or the user of the server.'),
  entrypoint: z
    .union([z.literal('image'), z.array(programText.min(1).max(1000)).min(1).max(50)])
    .nullable()
    .describe('What the command is given to: `image`, the entrypoint of the image, or a program. Null: nothing.'),
  shmBytes: z
    .number()
    .int()
    .min(65_536)
    .max(2 ** 50)
    .nullable()
    .describe('Size of `/dev/shm`. Null: half of the memory.'),
  build: jobBuild.nullable().describe('Make the image of the workspace, and run in it.'),
}

/** The same with defaults. */
export const imageSpec = {
  registry: imageFields.registry.default(null),
  pull: imageFields.pull.default(null),
  user: imageFields.user.default(null),
  entrypoint: imageFields.entrypoint.default(null),
  shmBytes: imageFields.shmBytes.default(null),
  build: imageFields.build.default(null),
}
