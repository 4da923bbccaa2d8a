import { Client } from 'pg'

/** Where the database of the settings listens: a name, an address or the folder of a socket, and a port. Null: it is a file. */
export function endpointOf(database: string): { host: string; port: number } | null {
  if (database === 'sqlite') return null
  // Whoever connects knows best what is meant when parts are left out.
  const { host, port } = new Client({ connectionString: database })
  return { host, port }
}
