import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { gradientRoute } from './route.ts'

const refuseLogin = async (): Promise<never> => {
  throw new AppError('invalid', {
    detail: 'There is no login by e-mail here: make a key with `nabla key create` and save it with `gradient apiKey`.',
  })
}

/** Who one is. The namespace is a bare text, which the clients put into links: without one those lead to our console. */
export const accountRoutes = [
  ...gradientRoute('GET', '/teams/namespace', z.unknown(), async () => ''),
  ...gradientRoute('POST', '/users/login', z.unknown(), refuseLogin),
  ...gradientRoute('POST', '/apiTokens/createPublic', z.unknown(), refuseLogin),
  // What `nabla gradient env` asks for: metrics are read over TLS only, whatever the address of the server is.
  ...gradientRoute('GET', '/certificate', z.unknown(), async ({ deps }) => ({
    port: await deps.secure.open(),
    certificate: deps.secure.certificate(),
  })),
]
