import type { limits } from '../lib/limits.ts'

/** The bounds of `lib/limits.ts`, as numbers that a test may make smaller. */
export type Bounds = Record<keyof typeof limits, number>
