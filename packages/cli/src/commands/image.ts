import { type Image, imageRoutes } from '@nabla/api/image'
import type { Group } from '../command.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { formatAgo, formatBytes, plural } from '../terminal/format.ts'

const list = listCommand<Image>('image', imageRoutes, {
  about: 'Show the container images of the machine, largest first',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 20, value: ({ names, id }) => names[0] ?? id?.slice(0, 19) ?? '' },
    {
      title: 'SIZE',
      rank: 1,
      align: 'right',
      value: ({ id, sizeBytes }) => (id === null ? '–' : formatBytes(sizeBytes)),
    },
    { title: 'USED', rank: 2, value: ({ usedAt }) => (usedAt === null ? '–' : formatAgo(usedAt, io.now())) },
    { title: 'STATE', rank: 3, shrinkTo: 12, value: stateOf },
    { title: 'WANTED BY', rank: 4, shrinkTo: 12, value: ({ wantedBy }) => wantedBy.join(', ') || '–' },
    { title: 'ENGINE', rank: 5, value: ({ engine }) => engine },
  ],
  empty: 'No images. They come with jobs: nabla run --image python:3.13-slim -- python --version',
  examples: [{ line: 'image list', about: 'with sizes, and when each was used' }],
})

const remove = callCommand('image', imageRoutes, 'delete', {
  name: 'delete',
  about: 'Delete an image from the machine',
  examples: [{ line: 'image delete python:3.13-slim', about: 'the next job that wants it fetches it again' }],
  print: async ({ out }, _, { image }) => out.note(`Deleted ${String(image)}`),
})

const prune = callCommand<{ deleted: string[]; freedBytes: number }>('image', imageRoutes, 'prune', {
  name: 'prune',
  about: 'Delete now what the rule of the server does not keep',
  details: '\nThe rule is the setting `docker: {images: …}` of the server; it is applied every few minutes by itself.',
  examples: [{ line: 'image prune', about: 'says what went' }],
  async print({ out }, { deleted, freedBytes }) {
    for (const name of deleted) await out.line(name)
    out.note(`Deleted ${plural(deleted.length, 'image')}, ${formatBytes(freedBytes)}`)
  },
})

export const image: Group = {
  name: 'image',
  about: 'Container images on the machine',
  commands: [list, remove, prune],
}

function stateOf({ id, containers, problem }: Image): string {
  if (problem !== null) return problem
  if (id === null) return 'to be fetched'
  return containers > 0 ? `in use (${containers})` : 'here'
}
