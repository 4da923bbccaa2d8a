import { mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Route } from './route.ts'

/**
 * What the server and gateways of their own say to each other: a line of JSON each, over a socket in the data folder. Who
 * may open that folder may do anything here, so there are no keys.
 */

const access = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('keys') }),
  z.object({ kind: z.literal('basic'), digest: z.string() }),
  z.object({ kind: z.literal('public') }),
])

const target = z.object({ id: z.string(), host: z.string(), port: z.number().int(), revision: z.number().int() })

const route = z.object({
  id: z.string(),
  name: z.string(),
  teamId: z.string(),
  access,
  bodyBytes: z.number(),
  timeoutMs: z.number(),
  idleMs: z.number(),
  queue: z.number(),
  queueMs: z.number(),
  perTarget: z.number().nullable(),
  rate: z.object({ perSecond: z.number(), burst: z.number() }).nullable(),
  shares: z.array(z.tuple([z.number(), z.number()])).transform((pairs) => new Map(pairs)),
  shadow: z.number().nullable(),
  targets: z.array(target),
  holds: z.boolean(),
  waiting: z.string(),
  repeatable: z.boolean(),
})

/** Every route, with a number that grows with each change while a server runs. */
export const routesMessage = z.object({ version: z.number().int(), routes: z.array(route) })

/** Of one revision of a route: how many answers, how many were errors, and buckets of latency that are not empty. */
const counted = z.object({
  route: z.string(),
  revision: z.number().int(),
  requests: z.number().int(),
  errors: z.number().int(),
  buckets: z.array(z.tuple([z.number().int(), z.number().int()])),
})

export type Counted = z.infer<typeof counted>

const table = z.record(z.string(), z.number().int().min(0))

/** How a gateway does: the routes that it follows, what is under way at targets, what waits, and what was answered. */
const report = z.object({
  applied: z.number().int(),
  outstanding: table,
  queued: table,
  counted: z.array(counted),
})

export type Report = z.infer<typeof report>

const sender = z.object({ teamId: z.string(), userName: z.string() })

export const fromGateway = z.union([
  z.object({ hello: z.string().regex(/^[0-9a-z]{10}$/) }),
  z.object({ report }),
  z.object({ wait: z.string() }),
  z.object({ question: z.number().int(), secret: z.string().max(200), address: z.string().max(100) }),
])

export type FromGateway = z.infer<typeof fromGateway>

export const fromServer = z.union([
  z.object({ routes: routesMessage }),
  z.object({ question: z.number().int(), sender }),
  z.object({
    question: z.number().int(),
    refused: z.object({ code: z.string(), params: z.record(z.string(), z.union([z.string(), z.number()])) }),
  }),
])

/** A refusal of an answer comes from the table of errors of the same release, or is taken for a key that is not valid. */
export type FromServer = z.infer<typeof fromServer>

/** Routes as text; the same routes are the same text. */
export const routesText = (routes: readonly Route[]): string =>
  JSON.stringify(routes.map((one) => ({ ...one, shares: [...one.shares] })))

/** Reads messages from a socket, each as `take` gets it; one that cannot be read ends the connection. */
export function readMessages<T>(socket: Socket, shape: z.ZodType<T>, take: (message: T) => void): void {
  const lines = createInterface({ input: socket, crlfDelay: Infinity })
  lines.on('line', (line) => {
    const message = parsed(shape, line)
    if (message === undefined) socket.destroy()
    else take(message)
  })
  lines.on('error', () => socket.destroy())
}

export function sendMessage(socket: Socket, message: object): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
}

function parsed<T>(shape: z.ZodType<T>, line: string): T | undefined {
  try {
    return shape.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** Where all this is within a data folder. The folder is made, and nobody else may look into it. */
export function placesIn(data: string): { members: string; routes: string; socket: string } {
  const folder = join(data, 'gateway')
  mkdirSync(join(folder, 'members'), { recursive: true, mode: 0o700 })
  return { members: join(folder, 'members'), routes: join(folder, 'routes.json'), socket: socketIn(folder) }
}

/** The path of a socket has 107 bytes at most (man 7 unix); a folder that is open has a short name on Linux. */
function socketIn(folder: string): string {
  const path = join(folder, 'socket')
  return Buffer.byteLength(path) < 100 ? path : join(`/proc/self/fd/${openSync(folder, 'r')}`, 'socket')
}
