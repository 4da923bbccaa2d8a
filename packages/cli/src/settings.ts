import { homedir } from 'node:os'
import { join } from 'node:path'

export type Variables = Readonly<Record<string, string | undefined>>

/** What the environment says. This is the only file that knows the variables. */
export interface Settings {
  /** NABLA_URL */
  url: string | undefined
  /** NABLA_API_KEY */
  key: string | undefined
  /** NABLA_CONFIG, or `nabla/config.json` in XDG_CONFIG_HOME or `~/.config`: where `nabla login` keeps keys. */
  configFile: string
  home: string
  /** NO_COLOR and FORCE_COLOR, as https://no-color.org and https://force-color.org have it; undefined: neither. */
  color: boolean | undefined
  /** COLUMNS: width for output that is no terminal. */
  columns: number | undefined
  /** TERM=dumb: a terminal that can neither colour nor redraw. */
  dumbTerminal: boolean
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
    home,
    color: readColor(variables),
    columns: Number.isInteger(columns) && columns > 0 ? columns : undefined,
    dumbTerminal: variables['TERM'] === 'dumb',
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
