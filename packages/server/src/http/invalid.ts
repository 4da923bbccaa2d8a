import { z } from 'zod'

/** Issues that are told at once; the rest is counted. */
const told = 6

/**
 * Says in one sentence what is wrong with a value: every field by name, and what would be right. Values themselves
 * are never repeated, they may be secret. `what` begins the sentence: `The body`.
 */
export function describeIssues(
  what: string,
  schema: z.ZodType,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
): string {
  const parts = issues.flatMap((issue) => describe(issue, schema, value))
  const rest = parts.length - told
  const more = rest > 0 ? [`and ${rest} more`] : []
  return `${what} is not right: ${[...parts.slice(0, told), ...more].join('; ')}.`
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): string[] {
  const name = issue.path.length === 0 ? 'it' : `\`${pathText(issue.path)}\``
  if (issue.code !== 'unrecognized_keys') return [`${name} ${complaint(issue, valueAt(value, issue.path))}`]
  const known = Object.keys(objectAt(schema, value, issue.path)?.shape ?? {})
  const choice = known.length > 0 ? `known are ${list(known)}` : 'nothing can be given here'
  return issue.keys.map((key) => `\`${pathText([...issue.path, key])}\` is not known (${choice})`)
}

function complaint(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'is missing' : wrongType(issue.expected, value)
    case 'invalid_value':
      return (issue as { expected?: string }).expected === 'stringbool'
        ? 'must be true or false'
        : `must be ${issue.values.length > 1 ? 'one of ' : ''}${list(issue.values.map(String))}`
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive ? 'at least' : 'more than')
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive ? 'at most' : 'less than')
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? 'does not have the right form' : `is not allowed: ${issue.message}`
    case 'invalid_key':
      return `is not a name that can be given: ${issue.issues[0]?.message ?? 'it does not have the right form'}`
    case 'invalid_union':
      return unionComplaint(issue, value)
    case 'custom':
      return `is not allowed: ${issue.message}`
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'invalid_element':
    case 'unrecognized_keys':
    default:
      return 'is not allowed'
  }
}

function unionComplaint(issue: z.core.$ZodIssueInvalidUnion, value: unknown): string {
  if ('options' in issue && Array.isArray(issue.options)) {
    return value === undefined ? 'is missing' : `must be one of ${list(issue.options.map(String))}`
  }
  // The branch that takes values of this type, but not this one, says most: one of a few words, or a list of them.
  const near = issue.errors.flat().find((one) => one.code === 'invalid_value' && one.path.length === 0)
  if (near && value !== undefined) return complaint(near, value)
  const kinds = issue.errors.flatMap((branch) => branch.flatMap((one) => ('expected' in one ? [one.expected] : [])))
  return kinds.length > 0 ? `must be ${[...new Set(kinds.map(typeName))].join(' or ')}` : 'is not allowed'
}

function wrongType(expected: string, value: unknown): string {
  if (Array.isArray(value) && expected === 'string') return 'can be given only once'
  return `must be ${typeName(expected)}`
}

function typeName(type: string): string {
  const names: Record<string, string> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    stringbool: 'true or false',
    array: 'a list',
    object: 'an object',
    record: 'an object',
    null: 'null',
  }
  return names[type] ?? type
}

function bound(origin: string, limit: number | bigint, relation: string): string {
  if (origin === 'string' && relation === 'at least' && limit === 1) return 'must not be empty'
  if (origin === 'string') return `must have ${relation} ${limit} characters`
  if (origin === 'array') return `must have ${relation} ${limit} entries`
  return `must be ${relation} ${limit}`
}

/** The object schema that a path leads to, or undefined where it leads to something else. */
function objectAt(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): z.ZodObject | undefined {
  const bare = unwrap(schema, value)
  const [key, ...rest] = path
  if (key === undefined) return bare instanceof z.ZodObject ? bare : undefined
  const inner = valueAt(value, [key])
  if (bare instanceof z.ZodObject) {
    const field = bare.shape[String(key)] as z.ZodType | undefined
    return field && objectAt(field, inner, rest)
  }
  if (bare instanceof z.ZodArray) return objectAt(bare.element as z.ZodType, inner, rest)
  if (bare instanceof z.ZodRecord) return objectAt(bare.valueType as z.ZodType, inner, rest)
  return undefined
}

/** What is inside optional, default and the like; of a union, the branch that the value chose. */
function unwrap(schema: z.ZodType, value: unknown): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap() as z.ZodType, value)
  }
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema
  const { discriminator } = schema.def
  const chosen = schema.options.find((option) => {
    const field = (option as z.ZodObject).shape[discriminator] as z.ZodType
    return field.safeParse(valueAt(value, [discriminator])).success
  })
  return (chosen as z.ZodType | undefined) ?? schema
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    current = (current as Record<PropertyKey, unknown>)[key]
  }
  return current
}

/** `env.HOME`, `ports[0]`. Names come from the request: they are cut short, and control characters dropped. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((key, index) => {
    if (typeof key === 'number') return `[${key}]`
    return (
      (index > 0 ? '.' : '') +
      String(key)
        .slice(0, 60)
        .replaceAll(/[\u0000-\u001f\u007f`]/g, '?')
    )
  })
  return text.join('')
}

const list = (names: readonly string[]): string => names.join(', ')
