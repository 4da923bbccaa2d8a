import type { ServerResponse } from 'node:http'

/** The requests under way: each has a signal that aborts when its client goes away or the server stops. */
export class Lifetimes {
  readonly #open = new Set<AbortController>()
  #closing = false

  /** `close` is called when the request has been answered; the signal stays quiet from then on. */
  open(response: ServerResponse): { signal: AbortSignal; close: () => void } {
    const controller = new AbortController()
    const onClose = () => controller.abort()
    if (this.#closing || response.destroyed) controller.abort()
    response.once('close', onClose)
    this.#open.add(controller)
    const close = () => {
      response.off('close', onClose)
      this.#open.delete(controller)
    }
    return { signal: controller.signal, close }
  }

  get closing(): boolean {
    return this.#closing
  }

  /** The server stops: aborts all signals, and those of requests that still come. */
  abortAll(): void {
    this.#closing = true
    for (const controller of this.#open) controller.abort()
  }
}
