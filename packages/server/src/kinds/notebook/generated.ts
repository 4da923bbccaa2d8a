import { readFileSync } from 'node:fs'
import { notebookPort } from '@nabla/api/notebook'
import { jupyterFiles } from '../../jupyter/task-files.ts'

/** What a task of a notebook finds in `/generated`, beside the key that is the token of its Jupyter. */
export interface Prepared {
  /** Address that Jupyter listens at. */
  address: string
  /** Number of the session, as text: it is said when Jupyter is about to be started. */
  session: string
  /** Changes when the environment is to be made anew. */
  rebuild: string
  packages: readonly string[]
  /** A shell command line in place of Jupyter; null: JupyterLab, or what the image has. */
  command: string | null
}

/** The text of these files, by name. */
export function generatedFiles(prepared: Prepared): Record<string, string> {
  return {
    ...jupyterFiles(),
    start,
    'prepare.py': prepareProgram,
    'jupyter_config.py': jupyterConfig,
    'notebook.json': JSON.stringify({ ...prepared, port: notebookPort }),
    'requirements.txt': requirements,
  }
}

const own = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

const prepareProgram = own('prepare.py')
const jupyterConfig = own('jupyter_config.py')

/**
 * The Jupyter that notebooks without an image have, and jobs that run their files: one list, so one environment, which
 * is made once on a machine.
 */
export const requirements = own('requirements.txt')

const start = `#!/bin/sh
# Finds the Python that Jupyter is for.
python=/opt/nabla/environment/bin/python
[ -x "$python" ] || python=$(command -v python3 || command -v python)
if [ -z "$python" ]; then
  echo 'There is no Python in this image.' >&2
  exit 98
fi
exec "$python" /generated/prepare.py
`
