/**
 * LtHash16 (Lewi et al., "Securing update propagation with homomorphic hashing", eprint 2019/227): the hash
 * of a set to which elements are added and from which they are removed at a cost that does not depend on
 * the set. Each element becomes 1,024 numbers of 16 bits, little-endian, summed component by component.
 */
import { type Digest, idFromBytes } from '../ids/ids.ts'
import type { Crypto } from './crypto.ts'

const COMPONENTS = 1_024
export const SET_HASH_BYTES = 2 * COMPONENTS

/** The state of an empty set. */
export function emptySetHash(): Uint8Array {
  return new Uint8Array(SET_HASH_BYTES)
}

/** Adds an element to the state, in place. An element added twice counts twice. */
export function addToSet(crypto: Crypto, state: Uint8Array, leaf: Uint8Array): void {
  combine(state, crypto.shake128(leaf, SET_HASH_BYTES), 1)
}

/** Takes an element out of the state, in place. Only what was added may be removed: the state cannot tell. */
export function removeFromSet(crypto: Crypto, state: Uint8Array, leaf: Uint8Array): void {
  combine(state, crypto.shake128(leaf, SET_HASH_BYTES), -1)
}

/** SHA-256 of the state: two sets are equal iff these are. */
export function setDigest(crypto: Crypto, state: Uint8Array): Digest {
  assertState(state)
  return idFromBytes('digest', crypto.sha256(state))
}

function combine(state: Uint8Array, element: Uint8Array, sign: 1 | -1): void {
  assertState(state)
  for (let i = 0; i < SET_HASH_BYTES; i += 2) {
    const sum = (state[i]! | (state[i + 1]! << 8)) + sign * (element[i]! | (element[i + 1]! << 8))
    state[i] = sum
    state[i + 1] = sum >> 8
  }
}

function assertState(state: Uint8Array): void {
  if (state.length !== SET_HASH_BYTES) {
    throw new RangeError(`the state of a set hash has ${SET_HASH_BYTES} bytes, this one has ${state.length}`)
  }
}
