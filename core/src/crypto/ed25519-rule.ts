/**
 * The strict half of the one Ed25519 rule (see `Crypto.ed25519Verify`) that does not depend on a library. Platforms disagree
 * about these inputs (Chalkias et al., "Taming the many EdDSAs", 2020), so they are refused before any
 * library sees them; what remains is the cofactorless equation.
 */

const FIELD = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** The y coordinate of a point of order 8; its negative belongs to another. */
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

const P = littleEndian(FIELD)
const L = littleEndian(ORDER)

/**
 * The y coordinates of the eight points whose order divides 8: 1 (order 1), -1 (2), 0 (4), and two of order
 * 8. Both signs of x are covered, because the sign bit is masked before the comparison.
 */
const SMALL_ORDER_Y: readonly Uint8Array[] = [1n, FIELD - 1n, 0n, ORDER_8_Y, FIELD - ORDER_8_Y].map(
  littleEndian,
)

/** True when the lengths are right, S is canonical, and A and R are canonical and not of small order. */
export function isStrictEd25519(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === 32 &&
    signature.length === 64 &&
    below(signature.subarray(32), L) &&
    isStrictPoint(publicKey) &&
    isStrictPoint(signature.subarray(0, 32))
  )
}

function isStrictPoint(encoded: Uint8Array): boolean {
  const y = new Uint8Array(encoded) // never a Buffer, whose slice() would alias
  y[31] = y[31]! & 0x7f
  return below(y, P) && !SMALL_ORDER_Y.some((small) => small.every((byte, i) => byte === y[i]))
}

function below(value: Uint8Array, bound: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    if (value[i] !== bound[i]) return value[i]! < bound[i]!
  }
  return false
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}
