import { errorCatalogue } from '@nabla/api/errors'
import { code, page, table } from './markdown.ts'

/** Every error of the API: from `packages/api/src/errors.ts`. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(([name, { status, message, hint }]) => [
    code(name),
    String(status),
    placeholders(message),
    placeholders(hint),
  ])
  return page(
    'Errors',
    'Every answer that is not a success has this body. The code is stable; message and hint are for people and may change.',
    '```json\n{"error": {"code": "not_found", "message": "There is no job 7.", "hint": "…", "requestId": "…"}}\n```',
    'Words in *italics* are filled in. The table is `errorCatalogue` in `packages/api/src/errors.ts`.',
    table(['Code', 'HTTP', 'Message', 'What to do'], rows),
  )
}

const placeholders = (text: string): string =>
  text
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/\{(\w+)\}/g, '*$1*') : part))
    .join('`')
