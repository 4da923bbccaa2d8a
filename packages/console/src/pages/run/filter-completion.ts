import { inQuery } from './run-fields.ts'

const attributeNames = ['run_name', 'status', 'start_time', 'end_time', 'run_id', 'user_id'].map(
  (name) => `attributes.${name}`,
)
/** Offered at once; of more, one types on. */
const mostOffered = 12

/** All names that a filter may use, as it writes them. */
export function filterNames(given: {
  metrics: readonly string[]
  params: readonly string[]
  labels: readonly string[]
}): string[] {
  return [
    ...given.metrics.map((name) => inQuery({ kind: 'metrics', name })),
    ...given.params.map((name) => inQuery({ kind: 'params', name })),
    ...given.labels.map((name) => inQuery({ kind: 'labels', name })),
    ...attributeNames,
  ]
}

/**
 * What the word at the end of a filter may become: each name, and the whole filter with it. Nothing where no name can
 * stand, such as after `=` or within quotes. Names that begin so come before those that have it in them.
 */
export function completeFilter(filter: string, names: readonly string[]): { name: string; text: string }[] {
  const match = /(^|\band\s+|\()([\w.`/:-]*)$/i.exec(filter)
  if (!match) return []
  const [, , word = ''] = match
  const wanted = word.toLowerCase().replaceAll('`', '')
  const before = filter.slice(0, filter.length - word.length)
  const plain = names.map((name) => ({ name, plain: name.toLowerCase().replaceAll('`', '') }))
  const begins = plain.filter((one) => one.plain.startsWith(wanted) || one.plain.includes(`.${wanted}`))
  const holds = plain.filter((one) => !begins.includes(one) && one.plain.includes(wanted))
  return [...begins, ...holds]
    .filter(({ name }) => name !== word)
    .slice(0, mostOffered)
    .map(({ name }) => ({ name, text: `${before}${name} ` }))
}
