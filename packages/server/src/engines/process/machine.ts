import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const shim = join(import.meta.dirname, 'shim')
/** Isolated from the user's settings and packages, without `site`: it starts in a fraction of the time. */
const quickly = ['-I', '-S', '-E', '-B']
/** Finding the interpreter and trying the kernel take tens of milliseconds; a machine this slow cannot run tasks. */
const probeMs = 30_000

/** What this machine's kernel allows; each is null when it works, else the kernel's words. */
export interface Machine {
  /** The real interpreter, not a wrapper script. */
  python: string
  version: string
  rootNamespaces: string | null
  userNamespaces: string | null
  /** Copy-on-write over the whole machine. */
  machineOverlay: string | null
  /** Copy-on-write over one folder. */
  folderOverlay: string | null
}

/** The arguments with which a program of the shim is run by `machine.python`. */
export const shimProgram = (name: 'launcher.py' | 'probe.py' | 'exec.py'): string[] => [...quickly, join(shim, name)]

/**
 * Finds Python and tries what the kernel allows. `folder` is on the disk that will hold the tasks' scratch files.
 * `python` is a path or a name to look for on `path`. Throws an Error with a sentence when there is no Python.
 */
export async function probeMachine(folder: string, python: string, path: string): Promise<Machine> {
  const real = await realInterpreter(python, path)
  const { stdout } = await run(real, [...shimProgram('probe.py'), folder], { timeout: probeMs })
  return JSON.parse(stdout) as Machine
}

async function realInterpreter(python: string, path: string): Promise<string> {
  const tried: string[] = []
  for (const candidate of candidates(python, path)) {
    try {
      await access(candidate, constants.X_OK)
      // pyenv and others put a slow script in front of the interpreter.
      const program = 'import sys; print(sys.executable if sys.version_info >= (3, 9) else "")'
      const { stdout } = await run(candidate, ['-c', program], { timeout: probeMs, env: { PATH: path } })
      if (stdout.trim()) return stdout.trim()
      tried.push(candidate)
    } catch {
      // Not there, or not one that runs: the next one may.
    }
  }
  const found = tried.length > 0 ? `${tried.join(', ')} is older` : `found none as ${python}`
  throw new Error(`Running tasks on this machine needs Python 3.9 or newer; ${found}. Install python3.`)
}

function candidates(python: string, path: string): string[] {
  if (python.includes('/')) return [python]
  const folders = [...path.split(':').filter((folder) => folder.startsWith('/')), '/usr/bin', '/usr/local/bin']
  return [...new Set(folders)].map((folder) => join(folder, python))
}
