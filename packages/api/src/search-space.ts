import { z } from 'zod'

/**
 * What a search may choose from: a name and a range for each parameter. Server, CLI and console share these shapes.
 */

export const parameterName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'letters, digits, `_`, `.` and `-` only, not starting with a digit')

/** A value of a parameter as a trial gets it. */
export const parameterValue = z.union([z.number(), z.string().max(1000), z.boolean(), z.null()])

export type ParameterValue = z.infer<typeof parameterValue>

/** Chosen only when another parameter, a choice, has one of these values. */
const when = z
  .strictObject({ parameter: parameterName, is: z.array(parameterValue).min(1).max(100) })
  .optional()
  .describe('Only when another parameter, a `choice`, has one of these values.')

const finite = z.number().refine(Number.isFinite)
const positive = z.number().positive()

export const parameter = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('uniform'),
      low: finite,
      high: finite,
      log: z.boolean().default(false).describe('Every order of magnitude is as likely as any other.'),
      step: positive.optional().describe('Only `low`, `low + step`, and so on.'),
      when,
    }),
    z.strictObject({
      type: z.literal('int'),
      low: z.number().int().safe(),
      high: z.number().int().safe(),
      log: z.boolean().default(false),
      step: z.number().int().positive().default(1),
      when,
    }),
    z.strictObject({
      type: z.literal('normal'),
      mean: finite,
      deviation: positive,
      log: z.boolean().default(false).describe('The logarithm is normal; mean and deviation are those of it.'),
      step: positive.optional(),
      when,
    }),
    z.strictObject({ type: z.literal('choice'), values: z.array(parameterValue).min(1).max(1000), when }),
  ])
  .meta({ id: 'SearchParameter' })

export type Parameter = z.output<typeof parameter>

export const searchSpace = z
  .record(parameterName, parameter)
  .superRefine((space, context) => {
    for (const { path, message } of spaceFaults(space)) context.addIssue({ code: 'custom', path, message })
  })
  .meta({ id: 'SearchSpace' })

export type SearchSpace = z.output<typeof searchSpace>

/** Most parameters of a space: CMA-ES works on the square of them, and a page shows an axis for each. */
export const mostParameters = 200

/** What contradicts itself in a space, each with where and a sentence. */
export function spaceFaults(space: Readonly<Record<string, Parameter>>): { path: string[]; message: string }[] {
  const names = Object.keys(space)
  if (names.length === 0) return [{ path: [], message: 'The space is empty: name at least one parameter.' }]
  if (names.length > mostParameters) return [{ path: [], message: `A space has at most ${mostParameters} parameters.` }]
  return Object.entries(space).flatMap(([name, one]) =>
    [rangeFault(one), conditionFault(space, name, one)]
      .filter((message) => message !== null)
      .map((message) => ({ path: [name], message })),
  )
}

function rangeFault(one: Parameter): string | null {
  if (one.type === 'choice') {
    const texts = one.values.map((value) => JSON.stringify(value))
    return new Set(texts).size < texts.length ? 'A value stands in it twice.' : null
  }
  if (one.type === 'normal') return null
  if (one.low > one.high) return `The range is empty: low ${one.low} is greater than high ${one.high}.`
  if (one.log && one.low <= 0) return `A range on a log scale begins above 0; low is ${one.low}.`
  if (one.log && one.step !== undefined && one.step !== 1) return 'A range on a log scale has no step.'
  return null
}

function conditionFault(space: Readonly<Record<string, Parameter>>, name: string, one: Parameter): string | null {
  const seen = new Set([name])
  for (let at: Parameter | undefined = one; at?.when; at = space[at.when.parameter]) {
    const { parameter: parent, is } = at.when
    if (seen.has(parent)) return 'Its condition depends on itself.'
    seen.add(parent)
    const chosen = space[parent]
    if (chosen === undefined) return `Its condition names ${parent}, which is no parameter of this space.`
    if (chosen.type !== 'choice') return `Its condition names ${parent}, which is no choice.`
    const never = is.find((value) => !chosen.values.includes(value))
    if (never !== undefined) return `It waits for ${parent} to be ${JSON.stringify(never)}, which it never is.`
  }
  return null
}

/** Whether a parameter has a value in a trial, given those it depends on. */
export function isActive(one: Parameter, values: Readonly<Record<string, ParameterValue>>): boolean {
  if (!one.when) return true
  const { parameter: parent, is } = one.when
  return Object.hasOwn(values, parent) && is.includes(values[parent] ?? null)
}

/** Names such that each comes after the one it depends on; equal for equal spaces, whatever the order of their keys. */
export function spaceOrder(space: SearchSpace): string[] {
  const depth = (name: string): number => {
    const parent = space[name]?.when?.parameter
    return parent === undefined ? 0 : 1 + depth(parent)
  }
  return Object.keys(space).toSorted((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1))
}
