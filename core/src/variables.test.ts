import { expect, test } from 'vitest'
import { meaninglessVariables, suggestion } from './variables.ts'

test('a misspelt name is told of with the nearest one, and its value is not', () => {
  const environment = { PILEUS_PROT: '1', PILEUS_PASWORD: 'hush', PILEUS_HOEM: '/h', PATH: '/bin' }
  expect(meaninglessVariables(environment)).toEqual([
    'PILEUS_HOEM is set, and means nothing to Pileus: PILEUS_HOME is meant, perhaps.',
    'PILEUS_PASWORD is set, and means nothing to Pileus: PILEUS_PASSWORD is meant, perhaps.',
    'PILEUS_PROT is set, and means nothing to Pileus: PILEUS_PORT is meant, perhaps.',
  ])
})

test('variables of server and client are known to both, and those of others are nobody’s business', () => {
  const set = { PILEUS_PORT: '1', PILEUS_S3_BUCKET: 'b', PILEUS_HOME: '/h', PILEUSX: '', pileus_prot: '' }
  expect(meaninglessVariables(set)).toEqual([])
})

test('nothing is suggested for a name that is like none', () => {
  expect(meaninglessVariables({ PILEUS_COLOUR_OF_THE_SKY: 'blue' })).toEqual([
    'PILEUS_COLOUR_OF_THE_SKY is set, and means nothing to Pileus.',
  ])
  expect(suggestion('PILEUS_', new Set())).toBe('')
})
