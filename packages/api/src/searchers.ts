/** The ways to choose the next trial. Server, CLI and console read this table. */
export const searchers = {
  grid: { label: 'Grid', about: 'Every combination once; ranges without steps are cut into five.' },
  random: { label: 'Random', about: 'Each trial is drawn by itself.' },
  sobol: { label: 'Sobol', about: 'Points that fill the space more evenly than chance does.' },
  tpe: { label: 'TPE', about: 'Learns where good trials lie; takes choices, conditions and several objectives.' },
  'cma-es': { label: 'CMA-ES', about: 'Learns the shape of the space; for ranges and one objective.' },
  population: { label: 'Population', about: 'Trains several at a time; the worst carry on from copies of the best.' },
} as const

export type SearcherName = keyof typeof searchers

/** Bounds of one search. */
export const searchLimits = { trials: 100_000, parallel: 1000, objectives: 5, given: 1000 } as const
