import { argon2, type Argon2Parameters, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AppError } from './app-error.ts'
import { limits } from './limits.ts'

const derive = promisify((parameters: Argon2Parameters, done: (error: Error | null, hash: Buffer) => void) =>
  argon2('argon2id', parameters, done),
)

/** What the OWASP Password Storage Cheat Sheet recommends for Argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 }
const saltBytes = 16
const hashBytes = 32

/** Salt and hash of nobody's password: comparing with it takes as long as with a real one. */
const nobody = { ...cost, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) }

let underWay = 0

/** Argon2id of a password with a new salt, in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await compute(password, { ...cost, salt })
  const parameters = `m=${cost.memory},t=${cost.passes},p=${cost.parallelism}`
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(hash)}`
}

/**
 * Whether `password` is the one that `stored` was made of. Without `stored` it never is, and takes as long to say so.
 * Throws AppError `busy` when too many are being compared.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const wanted = stored === undefined ? nobody : parse(stored)
  const hash = await compute(password, wanted)
  return timingSafeEqual(hash, wanted.hash) && stored !== undefined
}

interface Cost {
  memory: number
  passes: number
  parallelism: number
  salt: Buffer
}

/** One takes some 20 ms of a processor and 19 MiB, so how many wait is bounded. */
async function compute(password: string, { salt, ...parameters }: Cost): Promise<Buffer> {
  if (underWay >= limits.passwordsAtOnce) throw new AppError('busy', { detail: 'too many are signing in at once' })
  underWay += 1
  try {
    const { memory, passes, parallelism } = parameters
    // One spelling for a letter with its accent, whatever keyboard it came from (RFC 8265).
    const message = password.normalize('NFC')
    return await derive({ message, nonce: salt, memory, passes, parallelism, tagLength: hashBytes })
  } finally {
    underWay -= 1
  }
}

function parse(stored: string): Cost & { hash: Buffer } {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(stored)
  if (!match) throw new Error('a stored password is not in the PHC string format')
  const [, memory, passes, parallelism, salt = '', hash = ''] = match
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  }
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
