import { type ErrorCode, errorCatalogue, fillTemplate } from '@nabla/api/errors'

/**
 * A problem that is the user's to solve: coded, with a hint. It is turned into a response in one place
 * (`http/errors.ts`). Anything else that is thrown is a bug of ours.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly params: Record<string, string | number>

  constructor(code: ErrorCode, params: Record<string, string | number> = {}) {
    super(fillTemplate(errorCatalogue[code].message, params))
    this.name = 'AppError'
    this.code = code
    this.params = params
  }

  get status(): number {
    return errorCatalogue[this.code].status
  }

  get hint(): string {
    return fillTemplate(errorCatalogue[this.code].hint, this.params)
  }
}
