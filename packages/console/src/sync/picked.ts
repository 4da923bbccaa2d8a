/** A folder that somebody chose or dropped, as far as browsers tell. Links are followed by the browser, or left out. */
export interface PickedFolder {
  name: string
  children(): Promise<{ files: readonly PickedFile[]; folders: readonly PickedFolder[] }>
}

export interface PickedFile {
  name: string
  read(): Promise<File>
}

/** What was chosen or dropped; an archive goes to the server as it is. */
export type Picked = { is: 'folder'; folder: PickedFolder } | { is: 'archive'; file: File }

/** Archives that the server unpacks. */
export const archiveNames = /\.(zip|tar|tar\.gz|tgz)$/i

/**
 * Takes what was dropped: a folder, an archive, or several files and folders, which are then one folder without a name.
 * Must be called while the event is handled: the browser takes its list away afterwards. Undefined: no files.
 */
export function takeDropped(data: DataTransfer): Promise<Picked> | undefined {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const [first] = entries
  if (!first) return undefined
  if (entries.length === 1 && first.isDirectory) {
    return Promise.resolve({ is: 'folder', folder: ofEntry(first as FileSystemDirectoryEntry) })
  }
  if (entries.length === 1 && archiveNames.test(first.name)) {
    return fileOf(first as FileSystemFileEntry).then((file) => ({ is: 'archive', file }))
  }
  return Promise.resolve({ is: 'folder', folder: { name: '', children: () => Promise.resolve(sorted(entries)) } })
}

/** Takes the files of an `<input webkitdirectory>`: all that are below the folder, named by their paths. */
export function takeChosen(files: Iterable<File>): PickedFolder {
  const root = newFolder('')
  for (const file of files) {
    const steps = (file.webkitRelativePath || file.name).split('/')
    let here = root
    for (const step of steps.slice(0, -1)) {
      const next = here.folders.get(step) ?? newFolder(step)
      here.folders.set(step, next)
      here = next
    }
    here.files.push({ name: file.name, read: () => Promise.resolve(file) })
  }
  const [only] = root.folders.values()
  return ofListing(only && root.folders.size === 1 && root.files.length === 0 ? only : root)
}

interface Listing {
  name: string
  files: PickedFile[]
  folders: Map<string, Listing>
}

const newFolder = (name: string): Listing => ({ name, files: [], folders: new Map() })

const ofListing = ({ name, files, folders }: Listing): PickedFolder => ({
  name,
  children: () => Promise.resolve({ files, folders: [...folders.values()].map(ofListing) }),
})

function ofEntry(entry: FileSystemDirectoryEntry): PickedFolder {
  return { name: entry.name, children: async () => sorted(await readAll(entry)) }
}

function sorted(entries: readonly FileSystemEntry[]) {
  return {
    files: entries.flatMap((entry) =>
      entry.isFile ? [{ name: entry.name, read: () => fileOf(entry as FileSystemFileEntry) }] : [],
    ),
    folders: entries.flatMap((entry) => (entry.isDirectory ? [ofEntry(entry as FileSystemDirectoryEntry)] : [])),
  }
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))

/** A reader gives some entries at a time, and none when there are no more. */
async function readAll(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}
