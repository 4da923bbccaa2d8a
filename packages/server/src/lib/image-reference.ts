/** A name of an image, taken apart: https://pkg.go.dev/github.com/distribution/reference */
export interface Reference {
  registry: string
  repository: string
  tag: string | null
  digest: string | null
}

const hub = 'docker.io'
const component = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const repositoryForm = new RegExp(`^${component}(?:/${component})*$`)
const registryForm = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/
const tagForm = /^\w[\w.-]{0,127}$/
const digestForm = /^sha256:[0-9a-f]{64}$/
const mostNameBytes = 255

/**
 * Reads a name as `docker run` does: without a registry it is one of Docker Hub's, and without an owner an official one.
 * Answers with a sentence when it is no name of an image.
 */
export function parseReference(text: string): Reference | { reason: string } {
  const [named = '', digest = null, ...more] = text.split('@')
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const name = hasTag ? named.slice(0, colon) : named
  const tag = hasTag ? named.slice(colon + 1) : null
  const [first = '', ...rest] = name.split('/')
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const registry = hasRegistry ? plainRegistry(first) : hub
  const path = hasRegistry ? rest.join('/') : name
  const problem =
    (more.length > 0 && 'it has more than one @') ||
    (digest !== null && !digestForm.test(digest) && 'a digest is sha256: and 64 digits') ||
    (tag !== null && !tagForm.test(tag) && (tag === '' ? 'the tag is missing' : `"${tag}" is no tag`)) ||
    (!registryForm.test(registry) && `"${registry}" is no registry`) ||
    (path !== path.toLowerCase() && 'it must be in lower case') ||
    (!repositoryForm.test(path) && 'such as python:3.13 or ghcr.io/owner/name:tag') ||
    (path.length > mostNameBytes && 'it is too long')
  if (problem) return { reason: `"${text}" is no name of an image: ${problem}.` }
  const repository = registry === hub && !path.includes('/') ? `library/${path}` : path
  return { registry, repository, tag, digest }
}

/** The whole name, which means the same to every engine. */
export function fullName({ registry, repository, tag, digest }: Reference): string {
  const end = digest === null ? `:${tag ?? 'latest'}` : `@${digest}`
  return `${registry}/${repository}${end}`
}

/** The registry of an image, or null when that is no name of one. */
export function registryOf(image: string): string | null {
  const reference = parseReference(image)
  return 'reason' in reference ? null : reference.registry
}

/** A registry as images name it: Docker Hub has several names for people and programs, and hosts have no capitals. */
export function plainRegistry(host: string): string {
  const plain = host.toLowerCase()
  return ['index.docker.io', 'registry-1.docker.io', 'hub.docker.com', 'registry.hub.docker.com'].includes(plain)
    ? hub
    : plain
}
