import { readFileSync } from 'node:fs'

const own = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

/**
 * Files for a task that runs Jupyter, all in one folder: settings, to be loaded by those that it has already
 * (`load_subconfig("outputs_config.py")`), and the part for its pages that they install.
 */
export const jupyterFiles = (): Record<string, string> => ({
  'outputs_config.py': own('outputs_config.py'),
  'nabla-outputs.js': own('nabla-outputs.js'),
})
