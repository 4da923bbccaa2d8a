/**
 * Makes a release: folds `changes/*.md` into CHANGELOG.md under the new version, and sets that version everywhere.
 *
 *   npm run release -- 0.2.0 2026-11-30
 *
 * A change is one file: a first line `area: What a user can do now`, then, if there is more to say, an empty line and
 * a paragraph. `changes/README.md` says how to write one. Commit what this changes and tag it yourself.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const marker = '<!-- releases, newest first -->\n'

export interface Change {
  area: string
  title: string
  body: string
}

/** Reads one change; throws with what is wrong with it. */
export function parseChange(file: string, text: string): Change {
  const [first = '', ...rest] = text.trim().split('\n')
  const [, area, title] = /^([a-z][a-z -]*): (\S.*)$/.exec(first) ?? []
  if (area === undefined || title === undefined) {
    throw new Error(`${file}: the first line must be \`area: What a user can do now\``)
  }
  return { area, title, body: rest.join('\n').trim() }
}

/** The text of one release, its changes sorted by area. */
export function renderRelease(version: string, date: string, changes: readonly Change[]): string {
  const areas = [...new Set(changes.map(({ area }) => area))].toSorted((a, b) => a.localeCompare(b))
  const parts = areas.map((area) => {
    const items = changes.filter((change) => change.area === area).map(renderChange)
    return `### ${area}\n\n${items.join('\n')}\n`
  })
  return `\n## ${version} (${date})\n\n${parts.join('\n')}`
}

function renderChange({ title, body }: Change): string {
  const more = body === '' ? '' : `\n\n${body.replaceAll(/^(?=.)/gm, '  ')}\n`
  return `- ${title}${more}`
}

function release(version: string | undefined, date: string | undefined): void {
  if (!/^\d+\.\d+\.\d+$/.test(version ?? '') || !/^\d{4}-\d\d-\d\d$/.test(date ?? '')) {
    throw new Error('give the version and the date: npm run release -- 0.2.0 2026-11-30')
  }
  const files = globSync('changes/*.md', { cwd: root }).filter((file) => !file.endsWith('README.md'))
  if (files.length === 0) throw new Error('there is nothing in changes/ to release')
  const changes = files.toSorted().map((file) => parseChange(file, readFileSync(join(root, file), 'utf8')))
  const before = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
  if (!before.includes(marker)) throw new Error(`CHANGELOG.md has no line ${marker}`)
  writeFileSync(
    join(root, 'CHANGELOG.md'),
    before.replace(marker, `${marker}${renderRelease(version!, date!, changes)}`),
  )
  setVersion(version!)
  for (const file of files) rmSync(join(root, file))
  console.log(
    `${version}: ${changes.length} changes. Now run \`npm install --package-lock-only\`, \`npm run ci\`, commit and tag.`,
  )
}

/** One product, one version: every package, what they need of each other, and the contract. */
function setVersion(version: string): void {
  for (const file of ['package.json', ...globSync('packages/*/package.json', { cwd: root })]) {
    const text = readFileSync(join(root, file), 'utf8')
    writeFileSync(join(root, file), text.replaceAll(/("(?:version|@nabla\/\w+)": ")\d[^"]*/g, `$1${version}`))
  }
  const contract = join(root, 'packages/api/src/index.ts')
  const text = readFileSync(contract, 'utf8')
  writeFileSync(contract, text.replace(/(version = ')[^']*/, `$1${version}`))
}

if (import.meta.main) release(process.argv[2], process.argv[3])
