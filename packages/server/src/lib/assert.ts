/** States what the code relies on. A failure is a bug of ours, never the user's problem. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`)
}
