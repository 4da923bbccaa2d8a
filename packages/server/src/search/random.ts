/**
 * Random numbers that are a function of a seed and a list of counters: the n-th trial of a search draws the same ones
 * whether or not the server was killed in between.
 */
export interface Random {
  /** Uniform in [0, 1), with 53 bits. */
  uniform(): number
  /** Of mean 0 and deviation 1. */
  normal(): number
  /** A whole number in [0, below). */
  index(below: number): number
}

/**
 * Begins a stream. The counters are mixed in by SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014), which spreads neighbouring ones; the stream is xoshiro128** (Blackman, Vigna, 2018).
 */
export function randomOf(seed: number, ...counters: number[]): Random {
  const state = new Uint32Array(4)
  let mixed = mix(BigInt.asUintN(64, BigInt(Math.trunc(seed))))
  for (const counter of counters) mixed = mix(mixed ^ BigInt.asUintN(64, BigInt(counter)))
  for (let at = 0; at < 4; at += 2) {
    mixed = mix(mixed)
    state[at] = Number(mixed & 0xffff_ffffn)
    state[at + 1] = Number(mixed >> 32n)
  }
  const next = (): number => xoshiro(state)
  const uniform = (): number => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992
  return { uniform, normal: () => boxMuller(uniform), index: (below) => Math.floor(uniform() * below) }
}

function mix(value: bigint): bigint {
  let z = BigInt.asUintN(64, value + 0x9e37_79b9_7f4a_7c15n)
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn)
  return z ^ (z >> 31n)
}

function xoshiro(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = state
  const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
  const shifted = b << 9
  const third = c ^ a
  const fourth = d ^ b
  state[1] = b ^ third
  state[0] = a ^ fourth
  state[2] = third ^ shifted
  state[3] = rotate(fourth, 11)
  return result
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** Box and Muller, 1958; the second of each pair is thrown away, so that a draw is a function of its place alone. */
function boxMuller(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
  return radius * Math.cos(2 * Math.PI * uniform())
}
