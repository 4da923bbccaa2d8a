/** A place where requests can go, as it is chosen. */
export interface Candidate {
  revision: number
  /** Requests and sockets under way. */
  outstanding: number
}

/**
 * Chooses a revision by its share, then the one of its candidates that has the fewest requests under way; of several
 * such, each in turn. Pure. Shares count among the revisions that have a candidate: a canary that has none leaves its
 * requests to the others.
 *
 * @param shares percent by revision; one that is not there, or has 0, gets none
 * @param chance from 0 to 1, for the revision
 * @param turn grows with each choice
 */
export function choose<C extends Candidate>(
  candidates: readonly C[],
  shares: ReadonlyMap<number, number>,
  chance: number,
  turn: number,
): C | undefined {
  if (candidates.length === 1 && shareOf(candidates[0]!, shares) > 0) return candidates[0]
  const revision = chooseRevision(candidates, shares, chance)
  let best: C | undefined
  for (let step = 0; step < candidates.length; step++) {
    const one = candidates[(turn + step) % candidates.length]!
    if (one.revision !== revision) continue
    if (best === undefined || one.outstanding < best.outstanding) best = one
  }
  return best
}

function chooseRevision(
  candidates: readonly Candidate[],
  shares: ReadonlyMap<number, number>,
  chance: number,
): number | undefined {
  const present = new Map<number, number>()
  for (const one of candidates) {
    const share = shareOf(one, shares)
    if (share > 0) present.set(one.revision, share)
  }
  let left = chance * [...present.values()].reduce((sum, share) => sum + share, 0)
  let last: number | undefined
  for (const [revision, share] of present) {
    last = revision
    left -= share
    if (left < 0) break
  }
  return last
}

const shareOf = ({ revision }: Candidate, shares: ReadonlyMap<number, number>): number => shares.get(revision) ?? 0
