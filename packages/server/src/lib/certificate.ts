import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'

/** A certificate that vouches for itself, and its key, both in PEM. */
export interface Certificate {
  certificate: string
  key: string
}

/**
 * Makes a certificate (X.509 version 3, RFC 5280) for names and addresses, signed by its own key (ECDSA on P-256):
 * who is given it can trust it, and nobody else does. It is good from a day before `now` for ten years.
 */
export function makeCertificate(hosts: readonly string[], now: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const name = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from('Nabla')))))
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ecdsaWithSha256,
    name,
    sequence(time(now - dayMs), time(now + 3650 * dayMs)),
    name,
    spki,
    der(0xa3, sequence(...extensions(hosts, spki))),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const whole = sequence(toBeSigned, ecdsaWithSha256, bits(signature))
  const lines = whole.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Whether a certificate can be read, is good at `now`, and is for all of these names and addresses. */
export function certifies(pem: string, hosts: readonly string[], now: number): boolean {
  try {
    const certificate = new X509Certificate(pem)
    if (Date.parse(certificate.validTo) <= now) return false
    return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined)
  } catch {
    return false
  }
}

const dayMs = 86_400_000

/** One value in DER (X.690): tag, length, content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const short = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const set = (...parts: Buffer[]): Buffer => der(0x31, ...parts)
const integer = (bytes: Buffer): Buffer => der(0x02, bytes)
const octets = (bytes: Buffer): Buffer => der(0x04, bytes)
const bits = (bytes: Buffer, unused = 0): Buffer => der(0x03, Buffer.from([unused]), bytes)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const yes = der(0x01, Buffer.from([0xff]))

/** GeneralizedTime, which has no year in which it ends: YYYYMMDDHHMMSSZ; before 2050 RFC 5280 wants UTCTime. */
function time(at: number): Buffer {
  const text = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return text < '2050' ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))

function extensions(hosts: readonly string[], spki: Buffer): Buffer[] {
  const keyId = createHash('sha1').update(spki).digest()
  const names = hosts.map((host) => (isIP(host) ? der(0x87, addressBytes(host)) : der(0x82, Buffer.from(host))))
  return [
    // Its own authority: basicConstraints, and keyUsage with digitalSignature and keyCertSign.
    sequence(oid('551d13'), yes, octets(sequence(yes))),
    sequence(oid('551d0f'), yes, octets(bits(Buffer.from([0x84]), 2))),
    sequence(oid('551d25'), octets(sequence(oid('2b06010505070301')))),
    sequence(oid('551d0e'), octets(octets(keyId))),
    sequence(oid('551d23'), octets(sequence(der(0x80, keyId)))),
    sequence(oid('551d11'), octets(sequence(...names))),
  ]
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  // A URL writes an address in its shortest form, so all that is left is the gap.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail = ''] = short.split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const gap = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  const all = short.includes('::') ? [...groups(head), ...gap, ...groups(tail)] : groups(head)
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
