import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Programs of this machine that test images are made of: a few megabytes with their libraries. */
const programs =
  'sh sleep cat head tr ls touch mkdir rm mknod id env date seq dd chmod stat mount unshare ps ip readlink ln'.split(
    ' ',
  )

/** For tests: makes a folder that can be imported as an image, since there is no registry to fetch one from. */
export function makeRootfs(root: string, more: readonly string[] = []): void {
  for (const folder of ['usr/bin', 'lib', 'lib64', 'etc', 'tmp', 'proc', 'sys', 'dev', 'root', 'home', 'var/tmp'])
    mkdirSync(join(root, folder), { recursive: true })
  symlinkSync('usr/bin', join(root, 'bin'))
  for (const name of [...programs, ...more]) copyProgram(root, name)
}

/** Adds Python with its standard library. */
export function addPython(root: string): void {
  const source = realpathSync('/usr/bin/python3')
  copyFileSync(source, join(root, 'usr/bin/python3'))
  copyLibraries(root, source)
  const version = source.replace(/.*\/python/, 'python')
  cpSync(`/usr/lib/${version}`, join(root, 'usr/lib', version), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/\/(test|__pycache__|idlelib|ensurepip)$/.test(path),
  })
}

/** The places of modules that are not Python, below an image that has it: what they need is copied too. */
export function addLibraries(root: string): void {
  const modules = readdirSync(join(root, 'usr/lib'), { recursive: true, encoding: 'utf8' })
  const found = modules.filter((path) => path.endsWith('.so')).map((path) => join(root, 'usr/lib', path))
  // A link may lead to what only those need who build such modules.
  copyLibraries(root, ...found.filter(isThere))
}

/** What programs of this machine need that are mounted into an image. */
export function addLibrariesOf(root: string, programs: readonly string[]): void {
  for (const one of programs) copyLibraries(root, one)
}

function copyProgram(root: string, name: string): void {
  const found = ['/bin', '/usr/bin', '/sbin', '/usr/sbin'].map((folder) => join(folder, name)).find(isThere)
  if (found === undefined) return
  const source = realpathSync(found)
  copyFileSync(source, join(root, 'usr/bin', name))
  copyLibraries(root, source)
}

function copyLibraries(root: string, ...programs: string[]): void {
  const listed = execFileSync('ldd', programs, { encoding: 'utf8' })
  for (const [path] of listed.matchAll(/\/[^ \n]+/g)) {
    if (path.startsWith(root)) continue
    const place = join(root, path)
    mkdirSync(dirname(place), { recursive: true })
    copyFileSync(realpathSync(path), place)
  }
}

function isThere(path: string): boolean {
  try {
    realpathSync(path)
    return true
  } catch {
    return false
  }
}
