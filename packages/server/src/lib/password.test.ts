import { expect, test } from 'vitest'
import { limits } from './limits.ts'
import { hashPassword, verifyPassword } from './password.ts'

test('a password is found again, and no other one', async () => {
  const stored = await hashPassword('correct horse battery')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  expect(await verifyPassword('correct horse battery', stored)).toBe(true)
  expect(await verifyPassword('correct horse batterz', stored)).toBe(false)
  expect(await verifyPassword('', stored)).toBe(false)
  expect(await hashPassword('correct horse battery')).not.toBe(stored)
})

test('where there is no password, none is right', async () => {
  expect(await verifyPassword('', undefined)).toBe(false)
  expect(await verifyPassword('anything', undefined)).toBe(false)
})

test('a letter with an accent is one letter, however it is written', async () => {
  const stored = await hashPassword('caf\u00e9 au lait')
  expect(await verifyPassword('cafe\u0301 au lait', stored)).toBe(true)
})

test('a hash of another kind is no hash of ours', async () => {
  const made = await hashPassword('x')
  await expect(verifyPassword('x', made.replace('argon2id', 'argon2i'))).rejects.toThrow('PHC')
})

test('only so many are compared at once', async () => {
  const all = await Promise.allSettled(
    Array.from({ length: limits.passwordsAtOnce + 3 }, () => verifyPassword('x', undefined)),
  )
  const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  expect(refused).toHaveLength(3)
  expect(refused[0]).toMatchObject({ code: 'busy' })
  expect(await verifyPassword('x', undefined)).toBe(false)
})
