/** The OpenAPI description says what the table of endpoints says, and is sound in itself. */

import { Compile } from 'typebox/schema'
import { describe, expect, test } from 'vitest'
import { encodeMessage } from './codec.ts'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { openapi } from './openapi.ts'
import { PROBLEMS } from './problem.ts'

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: readonly { name: string; in: string; required: boolean }[]
  readonly requestBody?: { content: Record<string, { schema: object }> }
  readonly responses: Record<string, object>
}

const description = openapi()
const paths = description.paths as unknown as Record<string, Record<string, Operation>>
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)
const endpoints = Object.entries<Endpoint>(ENDPOINTS)

test('every endpoint is described once, under its name, method and path', () => {
  const described = operations.map(
    ({ path, method, operation }) => `${operation.operationId} ${method} ${path}`,
  )
  const mounted = endpoints.map(
    ([name, { method, path }]) => `${name} ${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
  )
  expect(described.toSorted()).toEqual(mounted.toSorted())
})

test('every parameter of a path is declared as required, and no other', () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    expect(declared.map(({ name }) => name)).toEqual(inPath)
    expect(declared.every(({ required }) => required)).toBe(true)
  }
})

test('who may call is said: nobody is asked for a token where anyone may, everybody else is', () => {
  for (const [name, { audience }] of endpoints) {
    const { security } = operations.find(({ operation }) => operation.operationId === name)!.operation
    expect(security).toHaveLength({ anyone: 0, enrolment: 2, device: 1 }[audience])
  }
})

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(description).matchAll(/"\$ref":"#\/([^"]+)"/g)]
  expect(references.length).toBeGreaterThan(50)
  for (const [, reference] of references) {
    let at: unknown = description
    for (const step of reference!.split('/')) at = (at as Record<string, unknown>)[step]
    expect(at, reference).toBeTypeOf('object')
  }
})

test('problems are described for every status there is', () => {
  const { responses } = description.components as { responses: Record<string, object> }
  const statuses = new Set(Object.values(PROBLEMS).map(([status]) => `Problem${status}`))
  expect(new Set(Object.keys(responses))).toEqual(statuses)
  for (const { operation } of operations) expect(operation.responses).toHaveProperty('default')
})

test('it is plain JSON without anything of ours in the schemas', () => {
  expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  expect(JSON.stringify(description)).not.toMatch(/"x-|"~/)
})

describe('the schema of a body', () => {
  const schemaOf = (name: string) => {
    const { operation } = operations.find((candidate) => candidate.operation.operationId === name)!
    return Compile(operation.requestBody!.content['application/json']!.schema as never)
  }
  const login = { device: '55'.repeat(16), nonce: new Uint8Array(32), signature: new Uint8Array(64) }
  const asJson = (message: object) =>
    JSON.parse(new TextDecoder().decode(encodeMessage(message, 'json'))) as unknown

  test('takes what the codec writes', () => {
    expect(schemaOf('deviceLogin').Check(asJson(login))).toBe(true)
  })

  test('refuses a byte string of another length and a foreign key', () => {
    const { Check } = { Check: (message: object) => schemaOf('deviceLogin').Check(asJson(message)) }
    expect(Check({ ...login, nonce: new Uint8Array(31) })).toBe(false)
    expect(Check({ ...login, signature: new Uint8Array(65) })).toBe(false)
    expect(Check({ ...login, more: 1 })).toBe(false)
  })
})
