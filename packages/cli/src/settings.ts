import { homedir } from 'node:os'
import { join } from 'node:path'

export type Variables = Readonly<Record<string, string | undefined>>

/** The variables that are read, for the reference. */
export const variablesOfCli = {
  NABLA_URL: 'Address of the server, instead of the one that you logged in to.',
  NABLA_API_KEY: 'API key, instead of the one that `nabla login` keeps.',
  NABLA_CONFIG: 'File in which `nabla login` keeps keys; `nabla/config.json` in the folder of settings if not set.',
  XDG_CONFIG_HOME: 'The folder of settings; `~/.config` if not set.',
  XDG_CACHE_HOME: 'The folder of what can be made again; `~/.cache` if not set.',
  HOME: 'Your home folder, `~`.',
  NO_COLOR: 'Set to anything: no colours (https://no-color.org).',
  FORCE_COLOR: 'Set: colours also where the output is no terminal; `0` or `false`: none (https://force-color.org).',
  COLUMNS: 'Width of output that is no terminal.',
  DISPLAY: 'Set, or WAYLAND_DISPLAY: there is a screen, so `nabla open` starts a browser.',
  TERM: '`dumb`: a terminal that can neither colour nor redraw.',
} as const

/** What the environment says. This is the only file that knows the variables. */
export interface Settings {
  url: string | undefined
  key: string | undefined
  /** Where `nabla login` keeps keys. */
  configFile: string
  /** Where the CLI keeps what it can make again. */
  cacheFolder: string
  home: string
  /** Undefined: the environment does not say. */
  color: boolean | undefined
  columns: number | undefined
  dumbTerminal: boolean
  /** Whether there is a screen to show a browser on; a Mac has one in any case. */
  hasScreen: boolean
}

/** The environment of this process. */
export const processVariables = (): Variables => process.env

export function readSettings(variables: Variables): Settings {
  const home = text(variables['HOME']) ?? homedir()
  const configHome = text(variables['XDG_CONFIG_HOME']) ?? join(home, '.config')
  const columns = Number(variables['COLUMNS'])
  return {
    url: text(variables['NABLA_URL']),
    key: text(variables['NABLA_API_KEY']),
    configFile: text(variables['NABLA_CONFIG']) ?? join(configHome, 'nabla', 'config.json'),
    cacheFolder: join(text(variables['XDG_CACHE_HOME']) ?? join(home, '.cache'), 'nabla'),
    home,
    color: readColor(variables),
    columns: Number.isInteger(columns) && columns > 0 ? columns : undefined,
    dumbTerminal: variables['TERM'] === 'dumb',
    hasScreen: text(variables['DISPLAY'] ?? variables['WAYLAND_DISPLAY']) !== undefined,
  }
}

function readColor(variables: Variables): boolean | undefined {
  const force = text(variables['FORCE_COLOR'])
  if (force !== undefined) return force !== '0' && force !== 'false'
  return text(variables['NO_COLOR']) === undefined ? undefined : false
}

function text(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
