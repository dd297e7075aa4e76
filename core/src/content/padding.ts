/** Padmé padding: hides all but the leading bits of a length. Nikitin et al., PURBs, PoPETs 2019(4), algorithm 1. */

/**
 * The length to pad `length` bytes to: at most 12 % more, and only O(log log) bits of the length stay visible.
 * `length` is an integer from 0 to 2^32 - 1. Throws RangeError on anything else.
 */
export function padmeLength(length: number): number {
  if (!Number.isInteger(length) || length < 0 || length > 0xffff_ffff) {
    throw new RangeError(`cannot pad a length of ${length}: expected an integer from 0 to 4294967295`)
  }
  if (length < 2) return length
  const exponent = floorLog2(length)
  const step = 2 ** (exponent - (floorLog2(exponent) + 1))
  // Below 8 the step is a fraction: such lengths already show as many bits as the rule allows.
  return step < 1 ? length : Math.ceil(length / step) * step
}

function floorLog2(value: number): number {
  return value < 1 ? 0 : 31 - Math.clz32(value)
}
