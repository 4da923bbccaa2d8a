import { usageError } from './cli-error.ts'
import type { GlobalFlags } from './context.ts'
import { type Profile, readProfiles } from './profiles.ts'
import type { Settings } from './settings.ts'

/** The server that a command talks to, and where its address came from. */
export interface Target extends Profile {
  url: string
  source: 'flag' | 'environment' | 'login' | 'default'
}

export const defaultUrl = 'http://127.0.0.1:7070'

/** The server meant: the one of `--url`, of NABLA_URL, of the last `nabla login`, or the one on this machine. */
export async function findTarget(settings: Settings, global: GlobalFlags): Promise<Target> {
  const profiles = await readProfiles(settings.configFile)
  const url = normalizeUrl(global.url ?? settings.url ?? profiles.current ?? defaultUrl)
  const { key: stored, ...profile } = profiles.servers[url] ?? {}
  const key = global.key ?? settings.key ?? stored
  const source = global.url ? 'flag' : settings.url ? 'environment' : profiles.current ? 'login' : 'default'
  return { ...profile, url, source, ...(key !== undefined && { key }) }
}

/** `http://host:port` in one spelling, so that a login is found again. Throws a usage error. */
export function normalizeUrl(url: string): string {
  const full = /^[a-z]+:\/\//i.test(url) ? url : `http://${url}`
  const parsed = URL.canParse(full) ? new URL(full) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw usageError(`${JSON.stringify(url)} is not the address of a server.`, `Write it like ${defaultUrl}.`)
  }
  return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '')
}

/** Whether the server is on this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
