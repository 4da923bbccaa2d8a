import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Link-local addresses, where clouds tell a machine its secrets: https://www.rfc-editor.org/rfc/rfc3927 */
const linkLocal = '169.254.0.0/16'

/** Marks our rules, and goes before those that lead out. */
const preference = '1169'
const commandMs = 10_000

/**
 * Keeps containers from the addresses at which a cloud tells its machines who they are, with keys that are good for
 * more than any task should. A rule of the kernel's routing for each of our networks says that there is no way; it needs
 * no firewall, and is asked before any other route.
 */
export class MetadataGuard {
  readonly #path: string
  readonly #blocked = new Set<string>()

  /** `path`: folders of programs, where `ip` is looked for. */
  constructor(path: string) {
    this.#path = path
  }

  /** From now on nothing in a subnet reaches such an address. Answers false where this server cannot see to that. */
  async block(subnet: string): Promise<boolean> {
    if (this.#blocked.has(subnet)) return true
    if (process.getuid?.() !== 0 || !isIpv4(subnet)) return false
    // An earlier server may have left one.
    await this.unblock(subnet)
    const added = await this.#rule('add', subnet)
    if (added) this.#blocked.add(subnet)
    return added
  }

  async unblock(subnet: string): Promise<void> {
    this.#blocked.delete(subnet)
    if (process.getuid?.() !== 0 || !isIpv4(subnet)) return
    while (await this.#rule('del', subnet));
  }

  async #rule(verb: 'add' | 'del', subnet: string): Promise<boolean> {
    const words = ['rule', verb, 'from', subnet, 'to', linkLocal, 'prohibit', 'pref', preference]
    try {
      await run('ip', words, { timeout: commandMs, env: { PATH: this.#path } })
      return true
    } catch {
      return false
    }
  }
}

const isIpv4 = (subnet: string): boolean => /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(subnet)
