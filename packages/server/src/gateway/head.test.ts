import { describe, expect, test } from 'vitest'
import { readAnswerHead, readRequestHead } from './head.ts'

const host = 'Host: a\r\n'

describe('heads of requests', () => {
  test('that are plain are read as they were sent', () => {
    const text = `POST /a%20b/?c={d}|"e" HTTP/1.1\r\n${host}X-Thing:  one two\t\r\nEmpty:\r\ncontent-LENGTH: 12\r\nConnection: Close\r\n`
    expect(readRequestHead(text)).toMatchObject({
      method: 'POST',
      url: '/a%20b/?c={d}|"e"',
      rawHeaders: 'Host|a|X-Thing|one two|Empty||content-LENGTH|12|Connection|Close'.split('|'),
      headers: { host: 'a', 'content-length': '12' },
      bodyBytes: 12,
      isKept: false,
    })
    expect(readRequestHead(`GET / HTTP/1.1\r\nhost: a\r\nx: caf\xe9\r\n`)).toMatchObject({
      bodyBytes: null,
      isKept: true,
    })
  })

  test.each([
    ['an older version', `GET / HTTP/1.0\r\n${host}`],
    ['another version', `GET / HTTP/2.0\r\n${host}`],
    ['a method that is not known', `BREW / HTTP/1.1\r\n${host}`],
    ['a method in small letters', `get / HTTP/1.1\r\n${host}`],
    ['a line before it', `\r\nGET / HTTP/1.1\r\n${host}`],
    ['a whole address', `GET http://a/ HTTP/1.1\r\n${host}`],
    ['no path', `OPTIONS * HTTP/1.1\r\n${host}`],
    ['a fragment', `GET /#a HTTP/1.1\r\n${host}`],
    ['a space in the path', `GET /a b HTTP/1.1\r\n${host}`],
    ['two spaces', `GET  / HTTP/1.1\r\n${host}`],
    ['a tab', `GET\t/ HTTP/1.1\r\n${host}`],
    ['NUL in the path', `GET /\0 HTTP/1.1\r\n${host}`],
    ['a byte of another alphabet in the path', `GET /\xe9 HTTP/1.1\r\n${host}`],
    ['a bare LF after the first line', `GET / HTTP/1.1\n${host}`],
    ['a bare LF after a header', `GET / HTTP/1.1\r\n${host}A: b\nC: d\r\n`],
    ['a bare CR in a value', `GET / HTTP/1.1\r\n${host}A: b\rC: d\r\n`],
    ['NUL in a value', `GET / HTTP/1.1\r\n${host}A: b\0\r\n`],
    ['a control character in a value', `GET / HTTP/1.1\r\n${host}A: b\x0bc\r\n`],
    ['DEL in a value', `GET / HTTP/1.1\r\n${host}A: \x7f\r\n`],
    ['a space before the colon', `GET / HTTP/1.1\r\n${host}Content-Length : 5\r\n`],
    ['a name without a letter', `GET / HTTP/1.1\r\n${host}: 5\r\n`],
    ['no colon', `GET / HTTP/1.1\r\n${host}nothing\r\n`],
    ['a byte of another alphabet in a name', `GET / HTTP/1.1\r\n${host}caf\xe9: 5\r\n`],
    ['a line that goes on', `GET / HTTP/1.1\r\n${host}A: b\r\n c\r\n`],
    ['a line that goes on with a tab', `GET / HTTP/1.1\r\n${host}A: b\r\n\tc: d\r\n`],
    ['a first header with a space before it', `GET / HTTP/1.1\r\n Host: a\r\n${host}`],
    ['no host', `GET / HTTP/1.1\r\nA: b\r\n`],
    ['two hosts', `GET / HTTP/1.1\r\n${host}host: b\r\n`],
    ['two lengths', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\ncontent-length: 6\r\n`],
    ['two lengths that agree', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 5\r\n`],
    ['chunks', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n`],
    ['chunks and a length', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`],
    ['a coding in odd letters', `POST / HTTP/1.1\r\n${host}tRANSFER-eNCODING: \tchunked\r\n`],
    ['a coding that is none', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n`],
    ['an invitation', `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-continue\r\n`],
    ['another protocol', `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\n`],
    ['headers for the connection', `GET / HTTP/1.1\r\n${host}Connection: close, x-secret\r\n`],
    ['two connections', `GET / HTTP/1.1\r\n${host}Connection: close\r\nConnection: keep-alive\r\n`],
    ['trailers', `GET / HTTP/1.1\r\n${host}TE: trailers\r\n`],
    ['two keys', `GET / HTTP/1.1\r\n${host}Authorization: a\r\nAuthorization: b\r\n`],
  ])('that have %s are not', (_, text) => {
    expect(readRequestHead(text)).toBeNull()
  })

  test.each(['', '+5', '-5', '5,5', '5 5', '0x5', '5e1', '5.0', '٥', '1234567890123456'])(
    'nor those with the length "%s"',
    (value) => expect(readRequestHead(`POST / HTTP/1.1\r\n${host}Content-Length: ${value}\r\n`)).toBeNull(),
  )
})

describe('heads of answers', () => {
  const framingOf = (text: string, method = 'GET') => readAnswerHead(text, method)?.framing

  test('say where the answer ends', () => {
    const length = 'Content-Length: 5\r\n'
    const chunks = 'Transfer-Encoding: Chunked\r\n'
    expect(framingOf(`HTTP/1.1 200 OK\r\n${length}`)).toEqual({ by: 'length', bytes: 5 })
    expect(framingOf(`HTTP/1.1 200\r\n${chunks}`)).toEqual({ by: 'chunks' })
    expect(framingOf('HTTP/1.0 200 OK\r\n')).toEqual({ by: 'close' })
    expect(framingOf(`HTTP/1.1 200 OK\r\n${length}`, 'HEAD')).toEqual({ by: 'none' })
    for (const status of [103, 204, 304]) expect(framingOf(`HTTP/1.1 ${status} x\r\n${length}`)).toEqual({ by: 'none' })
  })

  test('say whether the connection is kept, and how long', () => {
    const kept = (text: string) => readAnswerHead(`${text}Content-Length: 0\r\n`, 'GET')?.isKept
    expect(kept('HTTP/1.1 200 OK\r\n')).toBe(true)
    expect(kept('HTTP/1.1 200 OK\r\nConnection: x, Close\r\n')).toBe(false)
    expect(kept('HTTP/1.0 200 OK\r\n')).toBe(false)
    expect(kept('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n')).toBe(true)
    expect(readAnswerHead('HTTP/1.1 200 OK\r\n', 'GET')?.isKept).toBe(false)
    expect(readAnswerHead('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\n', 'GET')?.keptMs).toBe(5000)
  })

  test.each([
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n'],
    ['two codings', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n'],
    ['a coding twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['a coding that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked1\r\n'],
    ['chunks of an older version', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n'],
    ['a line that goes on', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 5\r\n'],
    ['NUL', 'HTTP/1.1 200 OK\r\nA: \0\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n'],
    ['a status that is none', 'HTTP/1.1 99 OK\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n'],
  ])('that have %s are broken', (_, text) => {
    expect(readAnswerHead(text, 'GET')).toBeNull()
  })
})
