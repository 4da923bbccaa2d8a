import { spawn } from 'node:child_process'
import type { Context } from './context.ts'

/** Whether a browser was started. A program that is not there, and a machine without a screen, are no errors. */
export function openBrowser({ io, settings }: Context, link: string): Promise<boolean> {
  const mac = process.platform === 'darwin'
  if (!mac && !settings.hasScreen) return Promise.resolve(false)
  return new Promise((resolve) => {
    const child = spawn(mac ? 'open' : 'xdg-open', [link], { stdio: 'ignore', detached: true, env: io.variables })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}
