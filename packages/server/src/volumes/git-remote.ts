import { AppError } from '../lib/app-error.ts'

/** A repository as git is told of it. */
export interface GitRemote {
  /** Without a password; without a name either, but for ssh, where it is part of the address. */
  url: string
  /** The address for messages. */
  shown: string
  /** Absent when nobody is to log in. */
  login?: { username: string; password: string; origin: string }
}

const invalid = (detail: string) => new AppError('invalid', { detail })

/**
 * Takes apart the address of a repository. A name and password in it are used as if they had been given apart.
 * Throws `invalid`.
 */
export function parseRemote(address: string, username?: string, password?: string): GitRemote {
  const text = address.startsWith('git+') ? address.slice('git+'.length) : address
  const url = parseAddress(text)
  const name = username ?? decode(url.username)
  const secret = password ?? decode(url.password)
  if (/[\p{Cc}]/u.test(name + secret)) throw invalid('The git user name or password holds a control character.')
  url.username = ''
  url.password = ''
  url.hash = ''
  const shown = url.href
  if (url.protocol === 'ssh:') {
    if (secret !== '') throw invalid('A repository by ssh takes no password: the server logs in with its own key.')
    if (name.startsWith('-')) throw invalid('The git user name may not begin with a dash.')
    url.username = name
    return { url: url.href, shown }
  }
  if (name === '' && secret === '') return { url: shown, shown }
  if (url.protocol === 'git:') throw invalid('A git:// address takes no login; use https://.')
  // Hosts of repositories that take a token as the password accept any name beside it, but not none.
  return { url: shown, shown, login: { username: name || 'git', password: secret, origin: url.origin } }
}

/** Checks the name of a branch or tag, or the id of a commit. See git-check-ref-format(1). Throws `invalid`. */
export function parseRef(ref: string): string {
  const wrong =
    ref === '' ||
    ref === '@' ||
    ref.length > 250 ||
    /^[-/.+]|[/.]$|\.\.|\/\/|\/\.|@\{|\.lock(\/|$)|[\p{Cc}\s~^:?*[\\]/u.test(ref) ||
    !ref.isWellFormed()
  if (wrong) throw invalid(`${JSON.stringify(ref.slice(0, 100))} is not the name of a git branch, tag or commit.`)
  return ref
}

function parseAddress(text: string): URL {
  const shown = JSON.stringify(text.replace(/\/\/[^/]*@/, '//').slice(0, 200))
  if (!/^(https?|ssh|git):\/\//i.test(text)) {
    throw invalid(
      `${shown} is not the address of a git repository: it begins with https://, http://, ssh:// or git://.`,
    )
  }
  const url = URL.parse(text)
  if (!url || url.host === '' || url.hostname.startsWith('-') || /[\p{Cc}\s\\]/u.test(text) || !text.isWellFormed()) {
    throw invalid(`${shown} is not a valid address of a git repository.`)
  }
  return url
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
