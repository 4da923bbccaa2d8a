import { join } from 'node:path'

const inHome = [
  '.ssh',
  '.aws',
  '.azure',
  '.config/gcloud',
  '.config/gh',
  '.config/nabla',
  '.docker',
  '.git-credentials',
  '.gnupg',
  '.kube',
  '.nabla',
  '.netrc',
  '.npmrc',
  '.paperspace',
  '.pypirc',
]

const ofMachine = [
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/kubernetes',
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/ssh/ssh_host_dsa_key',
  '/etc/ssh/ssh_host_ecdsa_key',
  '/etc/ssh/ssh_host_ed25519_key',
  '/etc/ssh/ssh_host_rsa_key',
  '/etc/ssl/private',
]

/** Files and folders in which people and machines keep passwords and keys: no task sees them. */
export function secretPlaces(home: string | undefined): string[] {
  const homes = new Set(['/root', ...(home?.startsWith('/') ? [home] : [])])
  return [...ofMachine, ...[...homes].flatMap((folder) => inHome.map((name) => join(folder, name)))]
}
