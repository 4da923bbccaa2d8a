import { type Client, createClient } from '@nabla/api/client'
import { exchange } from './exchange.ts'

/** The client that commands call a server with. Without a key only what is open to anyone answers. */
export const clientOf = (url: string, key: string | undefined): Client =>
  createClient({ url, agent: 'nabla-cli', exchange, ...(key !== undefined && { key }) })
