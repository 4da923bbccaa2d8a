/** Bounds of models, each with its reason, as in `limits.ts`; those of reading one are in `formats/reader.ts`. */
export const modelLimits = {
  /** Files of a model that are looked at, and how long reading what they are may take. */
  modelFiles: 10_000,
  interpretMs: 60_000,
  /** How long the call that registers a version waits until it is read: clients look again after three seconds. */
  registerWaitMs: 10_000,
} as const
