import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from './app-error.ts'
import { errorCode } from './file-error.ts'
import { randomText } from './ids.ts'

/**
 * Keeps texts so that the database alone gives nothing away. What was sealed for one context (whose it is, under
 * what name) cannot be opened for another, so a row that is moved or copied in the database is of no use.
 */
export interface SecretBox {
  /** AES-256-GCM: nonce, tag and ciphertext, in base64. */
  seal(text: string, context: string): string
  /** Throws AppError `secret_unreadable` when it was sealed with another key or for another context, or changed. */
  open(sealed: string, context: string): string
  /** A key of 32 bytes for another purpose: HKDF (RFC 5869) of the key, so neither tells anything of the other. */
  derive(purpose: string): Buffer
}

const keyBytes = 32
// The sizes that NIST SP 800-38D recommends.
const nonceBytes = 12
const tagBytes = 16

/**
 * The box of a data folder. Its key is the file `secret.key` there, made at the first start and readable by its owner
 * only. Throws AppError `data_unusable` when the file is not a key.
 */
export function openSecretBox(data: string): SecretBox {
  const key = readKey(data)
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(Buffer.from(context))
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64')
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        })
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
        const ciphertext = bytes.subarray(nonceBytes + tagBytes)
        return decipher.update(ciphertext, undefined, 'utf8') + decipher.final('utf8')
      } catch {
        throw new AppError('secret_unreadable', { name: context.slice(context.lastIndexOf('/') + 1) })
      }
    },
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, '', purpose, keyBytes)),
  }
}

function readKey(data: string): Buffer {
  const path = join(data, 'secret.key')
  let key: Buffer
  try {
    key = readFileSync(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    makeKey(data, path)
    key = readFileSync(path)
  }
  if (key.length !== keyBytes) {
    throw new AppError('data_unusable', { path: data, reason: `the file ${path} is damaged; restore it from a backup` })
  }
  return key
}

/** The file appears whole or not at all, and never in place of one that is there. */
function makeKey(data: string, path: string): void {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomText(8)}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, randomBytes(keyBytes))
    fsyncSync(file)
    linkSync(draft, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    closeSync(file)
    rmSync(draft, { force: true })
  }
  const folder = openSync(data, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
