import { z } from 'zod'

/** Schemas of single fields that several nouns share. */

export const id = z.string().regex(/^[a-z]{1,2}[0-9a-z]{16}$/, 'not an id')

/** An id or a name; which one is told by looking it up. */
export const reference = z.string().min(1).max(200)

/** UTC, ISO 8601 with milliseconds. */
export const time = z.string().meta({ format: 'date-time' })

/** A name that people read: no control characters, no slashes, no blanks at the ends. */
export const displayName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f\u007f/\\]+$/, 'a name has no slashes and no control characters')
  .refine((text) => text.trim() === text, 'a name has no blanks at its ends')
  .refine((text) => text !== '.' && text !== '..', 'a name is not `.` or `..`')

/** Text that a program gets as an argument or a variable: the system ends it at a NUL. */
export const programText = z.string().regex(/^[^\u0000]*$/, 'a text without NUL')

/** The name of an environment variable or a secret. */
export const variableName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _ only, not starting with a digit')

export const tag = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[^\s,\u0000-\u001f\u007f][^,\u0000-\u001f\u007f]*$/, 'a tag has no commas and no control characters')

export const tags = z.array(tag).max(30).describe('Words to find it by.')

/** A path inside a task. */
export const taskPath = z
  .string()
  .max(1000)
  .regex(/^\/[^\u0000]*$/, 'an absolute path')
  .refine((path) => !path.split('/').includes('..'), 'a path without `..`')

/** A path inside a folder of files: what it may hold is checked where it is opened. */
export const relativePath = z.string().max(4000)

export const sizeBytes = z.number().int().min(0)

/** Yes or no in a query: `true`, `1`, `yes`, `on` or their opposites. */
export const flag = z.union([z.boolean(), z.stringbool()])
