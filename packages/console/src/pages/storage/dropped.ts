/** Files as they were dropped or chosen, with their place below what was dropped: `photos/1.png`. */
export interface Chosen {
  files: { path: string; file: File }[]
  /** Folders with nothing in them. */
  emptyFolders: string[]
}

/** Reads what was dropped onto the page, folders with all below them. Must be called while the event is handled. */
export async function readDropped(transfer: DataTransfer): Promise<Chosen> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  const chosen: Chosen = { files: [], emptyFolders: [] }
  for (const entry of entries) await collect(entry, '', chosen)
  return chosen
}

/** Reads what was chosen in a field for files or for a folder. */
export function readChosen(list: FileList | null): Chosen {
  const files = [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }))
  return { files, emptyFolders: [] }
}

async function collect(entry: FileSystemEntry, prefix: string, into: Chosen): Promise<void> {
  const path = prefix + entry.name
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    into.files.push({ path, file })
    return
  }
  const entries = await readFolder(entry as FileSystemDirectoryEntry)
  if (entries.length === 0) into.emptyFolders.push(path)
  for (const one of entries) await collect(one, `${path}/`, into)
}

/** Browsers give at most 100 entries at a time. */
async function readFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}
