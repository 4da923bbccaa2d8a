/**
 * What a client is told went wrong: the status and a sentence that says what was expected. Each protocol writes it in its
 * own way. Anything else that is thrown is a bug, and answered with 500.
 */
export class ServeError extends Error {
  readonly status: number
  /** Seconds after which asking again makes sense, where it does. */
  readonly retryAfterS: number | undefined

  constructor(status: number, message: string, retryAfterS?: number) {
    super(message)
    this.status = status
    this.retryAfterS = retryAfterS
  }
}

/** The client sent what the model cannot take. */
export const badInput = (message: string): ServeError => new ServeError(400, message)

/** A name that nothing has. */
export const notFound = (message: string): ServeError => new ServeError(404, message)

/** The text of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
