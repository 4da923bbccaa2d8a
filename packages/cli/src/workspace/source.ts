import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { usageError } from '../cli-error.ts'

/** Where the files of a job come from, as the user said it. */
export type Source =
  | { from: 'nothing' }
  | { from: 'folder'; path: string }
  | { from: 'archive'; path: string }
  | { from: 'git'; url: string }

/**
 * Tells what `--workspace` means: `none`, a git address, a folder, or an archive. `git@host:path`, as git itself
 * accepts it, becomes an ssh address. Throws a usage error for anything else.
 */
export async function readSource(text: string, cwd: string): Promise<Source> {
  if (text === 'none') return { from: 'nothing' }
  if (/^(git\+)?(https?|ssh|git):\/\//.test(text)) return { from: 'git', url: text }
  const short = /^([\w.-]+@[\w.-]+):(?!\/)(.+)$/.exec(text)
  if (short) return { from: 'git', url: `ssh://${short[1]}/${short[2]}` }
  const path = resolve(cwd, text)
  const stats = await stat(path).catch(() => undefined)
  if (!stats) {
    throw usageError(
      `There is no folder or archive ${text}.`,
      'Give --workspace a folder, a .zip, .tar, .tar.gz or .tar.zst file, a git address, or `none`.',
    )
  }
  if (stats.isDirectory()) return { from: 'folder', path }
  if (stats.isFile() && /\.(zip|tar|tar\.gz|tgz|tar\.zst)$/i.test(path)) return { from: 'archive', path }
  if (/\.(tar\.\w+|t[bx]z2?|xz|bz2|7z|rar)$/i.test(path)) {
    throw usageError(
      `${text} is packed in a way that the server does not unpack.`,
      'Pack it as .tar.gz, .tar.zst or .zip, or unpack it and give the folder.',
    )
  }
  throw usageError(
    `${text} is neither a folder nor a .zip, .tar, .tar.gz or .tar.zst file.`,
    'Give --workspace the folder that it is in, or `none`.',
  )
}
