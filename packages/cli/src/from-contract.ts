import type { Contract, Noun } from '@nabla/api'
import { isStreamed, type RouteShape } from '@nabla/api/route'
import { z } from 'zod'
import { type Command, defineCommand, type Example } from './command.ts'
import type { Context } from './context.ts'
import { type Arg, arg, type Args, type Completes, type Flag, flag, type Flags } from './flags.ts'
import { limits } from './limits.ts'
import { type Listing, printList } from './print-list.ts'

/** Routes of one noun. They are handed in: making the schemas of all takes as long as all else of a command. */
type Routes = Contract[Noun]

/**
 * Commands made from routes of the contract: path parameters and required texts of the body become arguments, the
 * other fields flags. A new noun has its list, show, create, update and delete for a line each.
 */
interface Derived<Result> {
  name: string
  examples: readonly Example[]
  about?: string
  details?: string
  completes?: Completes
  /** Prints the answer; with `--json` it is printed as it came. */
  print(context: Context, result: Result, input: Input): Promise<void>
}

type Input = Record<string, unknown>

interface Page<Item> {
  items: Item[]
  /** Left out where the list comes in one piece. */
  next?: string | null
}

type Caller = (input: Input) => Promise<unknown>

/** A command that makes one call and prints its answer. */
export function callCommand<Result>(noun: Noun, routes: Routes, verb: string, derived: Derived<Result>): Command {
  const shape = routeOf(noun, routes, verb)
  const { args, flags } = fieldsOf(shape, derived.completes)
  return defineCommand<Args, Flags>({
    name: derived.name,
    about: derived.about ?? asAbout(shape.about),
    ...(derived.details !== undefined && { details: derived.details }),
    args,
    flags,
    examples: derived.examples,
    async run(context, args, flags) {
      const input = toInput(shape, { ...args, ...flags })
      const result = await (await callerOf(context, noun, verb))(input)
      if (context.out.json) await context.out.value(result)
      else await derived.print(context, result as Result, { ...args, ...flags })
    },
  })
}

interface Listed<Item> extends Listing<Item> {
  examples: readonly Example[]
  about?: string
}

/** A command that shows a list, as a table or with `--json` as one array. */
export function listCommand<Item>(
  noun: Noun,
  routes: Routes,
  listed: Listed<Item>,
  verb = 'list',
  name = verb,
): Command {
  const shape = routeOf(noun, routes, verb)
  const { args, flags } = fieldsOf(shape, noun === 'team' ? 'team' : undefined)
  const paged = shape.query !== undefined && 'limit' in shape.query.shape
  return defineCommand<Args, Flags>({
    name,
    about: listed.about ?? asAbout(shape.about),
    args,
    flags: paged ? { ...flags, limit: flag.whole('count', 'most rows to show', { fallback: '50' }) } : flags,
    examples: listed.examples,
    async run(context, args, flags) {
      const call = (await callerOf(context, noun, verb)) as (input: Input) => Promise<Page<Item>>
      const { limit, ...fields } = flags as { limit?: number }
      const pages = readPages(call, toInput(shape, { ...args, ...fields }), paged ? (limit ?? 50) : undefined)
      const { items, more } = await pages
      await printList(context, items, listed)
      if (more) context.out.note(`There are more than these ${items.length}; see them with --limit.`)
    },
  })
}

/** Reads as many pages of a list as `limit` rows take; without one, a list that comes in one piece. */
export async function readPages<Item>(
  call: (input: Input) => Promise<Page<Item>>,
  input: Input,
  limit: number | undefined,
): Promise<{ items: Item[]; more: boolean }> {
  const items: Item[] = []
  let after: string | null = null
  do {
    const size = limit === undefined ? {} : { limit: Math.min(limits.pageRows, Math.max(1, limit - items.length)) }
    const page: Page<Item> = await call({ ...input, ...size, ...(after !== null && { after }) })
    items.push(...page.items)
    after = page.next ?? null
  } while (after !== null && items.length < (limit ?? Number.POSITIVE_INFINITY))
  return { items: items.slice(0, limit), more: after !== null }
}

function routeOf(noun: Noun, routes: Routes, verb: string): RouteShape {
  const shape = (routes as Record<string, RouteShape>)[verb]
  if (!shape || isStreamed(shape.response)) throw new Error(`no such call in the contract: ${noun} ${verb}`)
  return shape
}

async function callerOf(context: Context, noun: Noun, verb: string): Promise<Caller> {
  const client = await context.client()
  const caller = (client[noun] as unknown as Record<string, Caller>)[verb]
  if (!caller) throw new Error(`no such call in the client: ${noun} ${verb}`)
  return caller
}

/** Path and query fields side by side, those of the body below `body`; what was not given is left out. */
function toInput(shape: RouteShape, values: Input): Input {
  const fields = (shape.body instanceof z.ZodObject ? shape.body.shape : {}) as Record<string, z.ZodType>
  const input: Input = shape.body instanceof z.ZodObject ? { body: {} } : {}
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue
    const field = fieldNameOf(fields, name)
    if (field in fields) (input['body'] as Input)[field] = value
    else input[name] = value
  }
  return input
}

function fieldsOf(shape: RouteShape, completes: Completes | undefined): { args: Args; flags: Flags } {
  const args: Args = {}
  const flags: Flags = {}
  for (const [, name = ''] of shape.path.matchAll(/:(\w+)/g)) {
    const field = shape.params?.shape[name] as z.ZodType | undefined
    args[name] = arg.required(asAbout(field?.description ?? `the ${name}`), completes)
  }
  const body = shape.body instanceof z.ZodObject ? shape.body.shape : {}
  for (const [name, field] of Object.entries({ ...shape.query?.shape, ...body }) as [string, z.ZodType][]) {
    if (name === 'limit' || name === 'after') continue
    if (field instanceof z.ZodString && name in body) args[name] = argOf(name, field)
    else flags[flagNameOf(name, field)] = flagOf(name, field)
  }
  return { args, flags }
}

/**
 * What a field is called on the command line. The unit stands in the value (`storageQuotaBytes` is written
 * `--storage-quota 5GB`), and a list is given one by one (`tags` is written `--tag a --tag b`).
 */
function flagNameOf(name: string, field: z.ZodType): string {
  if (unwrap(field).inner instanceof z.ZodArray) return name.replace(/s$/, '')
  return name.replace(/(Bytes|Seconds)$/, '')
}

function fieldNameOf(fields: Record<string, z.ZodType>, flagName: string): string {
  return Object.entries(fields).find(([name, field]) => flagNameOf(name, field) === flagName)?.[0] ?? flagName
}

function argOf(name: string, field: z.ZodType): Arg {
  return arg.required(asAbout(field.description ?? `the ${name}`))
}

/** The flag for a field: its type decides how the text is read. */
function flagOf(name: string, field: z.ZodType): Flag {
  const { inner, nullable } = unwrap(field)
  const about = asAbout(field.description ?? inner.description ?? name)
  const completes = name === 'project' ? { completes: 'project' as const } : {}
  if (inner instanceof z.ZodEnum) return flag.oneOf(inner.options.map(String), about)
  // One or several of the same.
  if (inner instanceof z.ZodUnion && inner.options[0] instanceof z.ZodEnum) {
    return flag.someOf(inner.options[0].options.map(String), about)
  }
  if (inner instanceof z.ZodArray) return flag.texts(name.replace(/s$/, ''), about)
  if (inner instanceof z.ZodString) return flag.text(name, about, completes)
  if (inner instanceof z.ZodNumber) {
    const made = numberFlag(name, about)
    if (!nullable) return made
    return {
      ...made,
      about: about.replace('null', 'none'),
      parse: (text) => (text === 'none' ? null : made.parse(text)),
    }
  }
  return flag.on(about)
}

function numberFlag(name: string, about: string): Flag<number | undefined> {
  if (name.endsWith('Bytes')) return flag.bytes(about)
  return name.endsWith('Seconds') ? flag.duration(about) : flag.whole('number', about)
}

function unwrap(field: z.ZodType): { inner: z.ZodType; nullable: boolean } {
  let inner = field
  let nullable = false
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) {
    nullable ||= inner instanceof z.ZodNullable
    inner = inner.unwrap() as z.ZodType
  }
  return { inner, nullable }
}

/** `Only those of this project.` as help texts have it: `only those of this project`. */
function asAbout(text: string): string {
  const plain = text.replace(/\.$/, '')
  return /^[A-Z][a-z]/.test(plain) ? plain.charAt(0).toLowerCase() + plain.slice(1) : plain
}
