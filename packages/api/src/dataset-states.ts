/** The tag that nobody sets: the newest version that is ready. */
export const latestTag = 'latest'

export const datasetVersionStates = {
  preparing: { ended: false, label: 'Preparing', about: 'Its files are being fetched; jobs that name it wait.' },
  ready: { ended: true, label: 'Ready', about: 'Complete; it never changes again.' },
  failed: { ended: true, label: 'Failed', about: 'Its files could not be fetched; the reason says why.' },
} as const

export type DatasetVersionState = keyof typeof datasetVersionStates
