import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { certifies, makeCertificate } from './certificate.ts'

const now = Date.parse('2026-11-22T12:00:00Z')

test('a certificate is for its names and addresses, and vouches for itself', () => {
  const hosts = ['localhost', '127.0.0.1', '::1', '2001:db8::5:0:1', 'nabla.example.com']
  const { certificate, key } = makeCertificate(hosts, now)
  const read = new X509Certificate(certificate)
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.ca).toBe(true)
  expect(key).toContain('PRIVATE KEY')
  for (const host of hosts) expect(certifies(certificate, [host], now)).toBe(true)
  expect(certifies(certificate, ['127.0.0.2'], now)).toBe(false)
  expect(certifies(certificate, ['other.example.com'], now)).toBe(false)
})

test('it ends, and what is no certificate is none', () => {
  const { certificate } = makeCertificate(['localhost'], now)
  expect(certifies(certificate, ['localhost'], now + 3649 * 86_400_000)).toBe(true)
  expect(certifies(certificate, ['localhost'], now + 3651 * 86_400_000)).toBe(false)
  expect(certifies('nothing', ['localhost'], now)).toBe(false)
})
