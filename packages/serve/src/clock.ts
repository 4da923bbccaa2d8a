/** The only place of the model server that reads the time. */

/** Milliseconds since some moment; never jumps when the wall clock is set. */
export const steadyMs = (): number => performance.now()

/** The time of a line of the log. */
export const nowIso = (): string => new Date().toISOString()
