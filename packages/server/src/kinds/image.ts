import type { Image } from '@nabla/api/image'
import type { Deps } from '../deps.ts'
import type { ImageStore, StoredImage } from '../engines/engine.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { registryOf } from '../lib/image-reference.ts'
import type { Caller, Handlers } from './kind.ts'
import { allWanted, type WantedImage, wholeName } from './image/wanted.ts'

export const imageHandlers: Handlers<'image'> = {
  async list({ caller }, deps) {
    const visible = await visibleImages(deps, caller)
    const wanted = await allWanted(deps)
    const own = wanted.filter(({ teamId }) => teamId === null || teamId === caller.teamId)
    const here = visible.map(({ engine, image }) => {
      const names = new Set(image.names.map(wholeName))
      const by = own.filter((one) => one.engine === engine && names.has(one.image)).map((one) => one.by)
      return toImage(engine, image, [...new Set(by)])
    })
    const known = new Set(
      visible.flatMap(({ engine, image }) => image.names.map((name) => `${engine} ${wholeName(name)}`)),
    )
    const absent = Map.groupBy(own, ({ engine, image }) => `${engine} ${image}`)
    for (const key of known) absent.delete(key)
    return { items: [...here, ...[...absent.values()].map((wishes) => toAbsent(deps, wishes))], next: null }
  },

  async delete({ caller, params }, deps) {
    const found = (await visibleImages(deps, caller)).find(({ image }) => isCalled(image, params.image))
    const images = found && deps.engines.get(found.engine)?.images
    if (!found || !images) throw new AppError('not_found', { noun: 'image', id: params.image })
    const done = await asked(found.engine, images.remove(found.image.id))
    if (done === 'unknown') throw new AppError('not_found', { noun: 'image', id: params.image })
    if (done === 'in use') throw new AppError('conflict', { detail: `A container uses the image ${params.image}.` })
    return { deleted: true }
  },

  async prune(_request, deps) {
    const gone = await asked('docker', deps.imageKeeper.collect())
    const freedBytes = gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { deleted: gone.map(({ names, id }) => names[0] ?? id), freedBytes }
  },
}

interface Visible {
  engine: string
  image: StoredImage
}

/** The images that a team may know of: of private ones, those at registries it has logins for; of built ones, its own. */
async function visibleImages({ db, engines }: Deps, { teamId }: Caller): Promise<Visible[]> {
  const stores = [...engines].flatMap(([name, { images }]) => (images ? [[name, images] as const] : []))
  const all = await Promise.all(stores.map(([engine, images]) => listOf(engine, images)))
  const found = all.flat()
  const hosts = await db.selectFrom('registries').select('host').where('teamId', '=', teamId).execute()
  const ownHosts = new Set(hosts.map(({ host }) => host))
  const builtFor = found.flatMap(({ image }) => image.names.flatMap((name) => ownerOf(name) ?? []))
  const owners = builtFor.length === 0 ? [] : await jobsOf(db, teamId, [...new Set(builtFor)])
  return found.flatMap(({ engine, image }) => {
    const names = image.names.filter((name) => {
      const owner = ownerOf(name)
      if (owner !== null) return owners.includes(owner)
      return !image.isPrivate || ownHosts.has(registryOf(name) ?? '')
    })
    return names.length > 0 || (image.names.length === 0 && !image.isPrivate)
      ? [{ engine, image: { ...image, names } }]
      : []
  })
}

async function listOf(engine: string, images: ImageStore): Promise<Visible[]> {
  return (await asked(engine, images.list())).map((image) => ({ engine, image }))
}

async function jobsOf(db: Deps['db'], teamId: string, ids: readonly string[]): Promise<string[]> {
  const rows = db.selectFrom('jobs').select('id').where('teamId', '=', teamId).where('deletedAt', 'is', null)
  return (await rows.where('id', 'in', ids).execute()).map(({ id }) => id)
}

/** The job that an image was built for. */
const ownerOf = (name: string): string | null => /^localhost\/nabla-build:(\w+)$/.exec(name)?.[1] ?? null

async function asked<T>(engine: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw new AppError('engine_away', { engine, reason: error instanceof Error ? error.message : String(error) })
  }
}

function isCalled({ id, names }: StoredImage, text: string): boolean {
  const digits = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(text)?.[1]
  if (digits !== undefined && id.startsWith(`sha256:${digits}`)) return true
  // Podman calls what it has from no registry `localhost/…`, which people leave out.
  return names.some((name) => name === text || name === `localhost/${text}` || wholeName(name) === wholeName(text))
}

function toImage(engine: string, image: StoredImage, wantedBy: string[]): Image {
  const { id, names, sizeBytes, createdAt, usedAt, ours, containers } = image
  const times = { createdAt: toIso(createdAt), usedAt: usedAt === null ? null : toIso(usedAt) }
  return { id, engine, names, sizeBytes, ...times, ours, containers, wantedBy, problem: null }
}

/** One that is wanted, and not here yet. */
function toAbsent({ imageKeeper }: Deps, wishes: WantedImage[]): Image {
  const [{ engine, image }] = wishes as [WantedImage]
  const none = { id: null, sizeBytes: 0, createdAt: null, usedAt: null, ours: true, containers: 0 }
  const wantedBy = [...new Set(wishes.map(({ by }) => by))]
  return { ...none, engine, names: [image], wantedBy, problem: imageKeeper.problemOf({ engine, image }) }
}
