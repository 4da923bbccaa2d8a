import type { Trx } from '../../db/transaction.ts'
import type { Db, Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { fullName, parseReference } from '../../lib/image-reference.ts'
import { toIso } from '../../lib/clock.ts'

/** An image that is to be on the machine before a task asks for it. */
export interface WantedImage {
  engine: string
  /** Its whole name. */
  image: string
  /** Whose login fetches it; null: nobody's. */
  teamId: string | null
  /** For people: `machine type G1`. */
  by: string
}

/** Replaces the images that a project wants. Throws AppError `invalid` for what is no image. */
export async function wantImages(
  trx: Trx,
  project: { id: string; teamId: string },
  images: readonly string[],
  now: number,
): Promise<void> {
  for (const image of images) {
    const reference = parseReference(image)
    if ('reason' in reference) throw new AppError('invalid', { detail: reference.reason })
  }
  await trx.deleteFrom('wantedImages').where('projectId', '=', project.id).execute()
  const rows = [...new Set(images)].map((image) => {
    return { projectId: project.id, teamId: project.teamId, image, createdAt: toIso(now) }
  })
  if (rows.length > 0) await trx.insertInto('wantedImages').values(rows).execute()
}

/** The images that projects want, by project, as they were named. */
export async function readWantedImages(db: Pick<Db, 'selectFrom'>, projectIds: readonly string[]) {
  const rows = await db
    .selectFrom('wantedImages')
    .select(['projectId', 'image'])
    .where('projectId', 'in', projectIds)
    .orderBy('image')
    .execute()
  return Map.groupBy(rows, ({ projectId }) => projectId)
}

/** All that is wanted on the engines that have images: by machine types, and by projects. */
export async function allWanted({ db, engines, machineTypes }: Pick<Deps, 'db' | 'engines' | 'machineTypes'>) {
  const projects = await db
    .selectFrom('wantedImages')
    .innerJoin('projects', 'projects.id', 'wantedImages.projectId')
    .select(['wantedImages.image', 'wantedImages.teamId', 'projects.name'])
    .where('projects.deletedAt', 'is', null)
    .orderBy('wantedImages.createdAt')
    .execute()
  const wanted: WantedImage[] = []
  for (const [engine, { images }] of engines) {
    if (!images) continue
    for (const type of machineTypes.all.filter((one) => one.engine === engine)) {
      for (const image of type.images ?? [])
        wanted.push({ engine, image, teamId: null, by: `machine type ${type.name}` })
    }
    wanted.push(...projects.map(({ image, teamId, name }) => ({ engine, image, teamId, by: `project ${name}` })))
  }
  return wanted.map((one) => ({ ...one, image: wholeName(one.image) }))
}

/** The name that means the same to every engine. */
export function wholeName(image: string): string {
  const reference = parseReference(image)
  return 'reason' in reference ? image : fullName(reference)
}
