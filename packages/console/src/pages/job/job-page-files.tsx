export function JobFiles(_: { job: unknown; which: string }) {
  return null
}
