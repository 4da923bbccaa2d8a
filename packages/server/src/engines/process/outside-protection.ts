import { Launcher } from './launcher.ts'

/** Takes the right to write to a mount away from a process that is not ours to start, and gives it back: for root alone. */
export class OutsideProtection {
  readonly #launcher: Launcher | null

  /** `python`: the interpreter that enters the container's mounts; Node cannot. */
  constructor(python: string, logPath: string) {
    const settings = { userNamespace: false }
    this.#launcher = process.getuid?.() === 0 ? new Launcher(python, settings, logPath) : null
  }

  /** Answers false when it cannot be done. `pid`: a process that sees the mount. */
  async set(pid: number, target: string, readOnly: boolean): Promise<boolean> {
    if (!this.#launcher) return false
    return this.#launcher.protect(pid, target, readOnly).catch(() => false)
  }

  close(): void {
    this.#launcher?.close()
  }
}
