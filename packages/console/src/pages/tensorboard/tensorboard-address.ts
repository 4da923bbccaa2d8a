/** Where a new TensorBoard is asked for, filled in with what it is to show. */
export function newTensorboardAddress(shows: { jobs?: readonly string[]; experiments?: readonly string[] }): string {
  const { jobs = [], experiments = [] } = shows
  const words = [
    ['new', 'yes'],
    ['jobs', jobs.join(',')],
    ['experiments', experiments.join(',')],
  ].filter(([, value]) => value !== '')
  return `/tensorboards?${new URLSearchParams(words).toString()}`
}
